"""Writes unigram.json: what the `tokenizers` package gives with Unigram models and precompiled character maps, for
Tests/TokenizersTests.

Reference: tokenizers 0.23.3, sentencepiece 0.2.3 (PyPI; it compiles the map). Python 3.11, standard library otherwise.

    python3 unigram.py
"""

import base64
import csv
import hashlib
import json
import pathlib
import random

import sentencepiece
import tokenizers
from tokenizers import Tokenizer, decoders, models, normalizers, pre_tokenizers, processors, trainers

import character_maps

assert tokenizers.__version__ == "0.23.3", tokenizers.__version__
assert sentencepiece.__version__ == "0.2.3", sentencepiece.__version__

HERE = pathlib.Path(__file__).resolve().parent
DATA = HERE.parents[1] / "datasets" / "prompt-injection" / "train.csv"
SPECIAL = ["<s>", "<pad>", "</s>", "<unk>", "<mask>"]

NASTY = [
    "",
    " ",
    "   ",
    "Hello, World!",
    " leading and trailing ",
    "a  b   c\td\ne\r\nf",
    "naïve café Ångström Ünïcödé",
    "cafe\u0301 A\u030a o\u0302\u0323 \u0301leading",
    "ﬁne ﬃ Ⅳ ½ ㎏ ﷺ ㈱ ™ ① ² ＦＵＬＬ ｶﾞ",
    "我爱北京天安门 漢字かな交じり文 한국어 각",
    "😀 👩‍👩‍👧‍👦 👍🏽 🇩🇪 ☕️ text😀text",
    "مرحبا بالعالم، كيف؟ שָׁלוֹם",
    "नमस्ते दुनिया। สวัสดีชาวโลก กำ",
    "nul\u0000in\u0001side \u0007bell \u001f\u007f\u0085 a\u200bb a\u00adb \ufeffbom \ufffd",
    "\u0001\u0002removed at the front",
    "™\u001e\u0001g x\u2028y\u2029z \u00a0\u3000",
    "a" * 300,
    "é" * 120 + "x" * 70,
    "▁ already ▁marked▁",
    "<s> </s><mask> <unk> x<pad>y <S>",
    "unknown 𐍈𐍈𐍈 and ꙮꙮ and 𐍈x𐍈",
    "http://example.com/?q=a&b=c 3.14e-10 C++",
]
POOLS = [
    "abcdefghijklmnopqrstuvwxyzABCXYZ",
    "  \t\n\r\u00a0\u3000\u200b\u200d",
    "àéîõüçñÅØßſİıΣςДжЁ",
    "\u0300\u0301\u0308\u0323\u0327\u0345\u0591\u093c\u3099\u20dd",
    "中国語日本한글각",
    "\u0000\u0001\u001f\u007f\u0085\ufe0f\ufffd\ue000\u0378",
    "😀👍🏽🇩🇪",
    "אבगدهوनमสวิกำ",
    "①½Ⅳ㎏ﷺ㈱™ﬁＡｶﾞ",
]


def texts():
    generator = random.Random(11)
    mixed = [
        "".join(generator.choice(generator.choice(POOLS)) for _ in range(generator.randint(1, 30))) for _ in range(120)
    ]
    with open(DATA, newline="", encoding="utf-8") as file:
        prompts = [row["text"] for row in csv.DictReader(file)]
    return NASTY + mixed + prompts[:60], prompts


def numbers():
    """Scores as they are written in files, with the exact value that the reference takes them for."""
    generator = random.Random(3)
    written = ["0", "-0", "0.0", "-1", "1e5", "-3.4635426998138428", "1E-5", "12345678901234567890123", "1.5e+3", "5e-324"]
    written += ["123456789012345678901234567890.5", "0.00000000000000000000000000000123456789", "1e-330", "1e308"]
    for _ in range(150):
        digits = "".join(generator.choice("0123456789") for _ in range(generator.randint(1, 30)))
        power = generator.choice(["", "", "", f"e{generator.randint(-320, 300)}"])
        written.append(f"-{generator.randint(0, 20)}.{digits}{power}")
    vocabulary = ",".join(f'["p{index}",{text}]' for index, text in enumerate(["0"] + written))
    model = f'{{"type":"Unigram","unk_id":0,"byte_fallback":false,"vocab":[{vocabulary}]}}'
    read = json.loads(Tokenizer.from_str(document(model)).to_str())["model"]["vocab"][1:]
    return [{"text": text, "value": float(value).hex()} for text, (_, value) in zip(written, read)]


def document(model):
    names = ["truncation", "padding", "normalizer", "pre_tokenizer", "post_processor", "decoder"]
    return '{"version":"1.0","added_tokens":[],' + "".join(f'"{name}":null,' for name in names) + f'"model":{model}}}'


def character_map():
    """A small map whose keys are the beginnings of many grapheme clusters."""
    rules = [f"{ord(character):x}\t{ord(target):x}" for character, target in zip("abcdé\u0301\u0600中👍\r\n", "XYZWEMPCT  ")]
    rules += ["62 63\t51 52 53", "1\t", "2122\t54 4d", "1e\t", "65 301\te9", "fb01\t66 69"]
    path = HERE / "rules.tsv"
    path.write_text("\n".join(rules) + "\n", encoding="ascii")
    with open(DATA, newline="", encoding="utf-8") as file:
        sample = [row["text"] for row in csv.DictReader(file)][:500]
    compiled = character_maps.compiled(sample, vocab_size=300, normalization_rule_tsv=str(path))
    path.unlink()
    return compiled


def clusters():
    generator = random.Random(5)
    pool = "abcde xyz\r\n" + "éßЁא" + "\u0301\u0308\u200d\u0600\ufe0f\u0345" + "中👍🏽🇩ก\u0e33™ﬁ\u0001\u001e"
    fixed = ["a\u0301", "é\u0301b", "\u0600a", "👍\u0301", "a\u200d", "\r\n", "\n\r", "bc", "bcd", "b", "™\u001e\u0001g", "\u0001a", "a\u0300\u0301"]
    fixed += ["™\u001e", "\u001e\u001ea", "x\u0001\u0001y", "\u0001", "ﬁ\u0001ﬁ", "éa\u0001"]
    return fixed + ["".join(generator.choice(pool) for _ in range(generator.randint(1, 8))) for _ in range(300)]


def trained(prompts, normalizer, byte_fallback):
    tokenizer = Tokenizer(models.Unigram())
    tokenizer.normalizer = normalizer
    tokenizer.pre_tokenizer = pre_tokenizers.Metaspace()
    tokenizer.train_from_iterator(
        prompts,
        trainers.UnigramTrainer(vocab_size=700, unk_token="<unk>", special_tokens=SPECIAL, show_progress=False),
    )
    content = json.loads(tokenizer.to_str())
    if byte_fallback:
        # Scores with the many digits that a float32 has when it is printed as a float64.
        content["model"]["byte_fallback"] = True
        content["model"]["vocab"] += [[f"<0x{byte:02X}>", -20.123456789012345] for byte in range(256)]
    tokenizer = Tokenizer.from_str(json.dumps(content))
    tokenizer.post_processor = processors.TemplateProcessing(
        single="<s> $A </s>", pair="<s> $A </s> </s> $B </s>", special_tokens=[("<s>", 0), ("</s>", 2)]
    )
    tokenizer.decoder = decoders.Metaspace()
    return tokenizer


def spelling(precompiled, sample):
    """A model whose pieces are characters, so that its ids and offsets show all that a normalizer does."""
    characters = sorted(set("".join(precompiled.normalize_str(text) for text in sample)))
    vocabulary = [["<unk>", 0.0]] + [[character, -1.0] for character in characters]
    tokenizer = Tokenizer.from_str(document(json.dumps({"type": "Unigram", "unk_id": 0, "vocab": vocabulary})))
    tokenizer.normalizer = precompiled
    return tokenizer


def recorded(name, tokenizer, sample, shown):
    encodings = tokenizer.encode_batch(sample)
    offsets = json.dumps([encoding.offsets for encoding in encodings], separators=(",", ":"))
    return {
        "name": name,
        "file": tokenizer.to_str(),
        "texts": sample,
        "ids": [encoding.ids for encoding in encodings],
        "offsets": hashlib.sha256(offsets.encode()).hexdigest(),
        "shownOffsets": [[x for pair in encoding.offsets for x in pair] for encoding in encodings[:shown]],
    }


def main():
    sample, prompts = texts()
    rules = character_map()
    precompiled = normalizers.Precompiled(rules)
    cases = [recorded("grapheme clusters", spelling(precompiled, clusters()), clusters(), 1000)]
    for name, normalizer, byte_fallback, chosen in [
        ("plain", None, False, sample),
        ("byte fallback", normalizers.NFKC(), True, sample[: len(NASTY) + 60]),
        ("character map", normalizers.Sequence([precompiled, normalizers.Lowercase()]), False, sample),
    ]:
        cases.append(recorded(name, trained(prompts[:3000], normalizer, byte_fallback), chosen, 40))
    golden = {
        "reference": f"tokenizers {tokenizers.__version__}, sentencepiece {sentencepiece.__version__}",
        "numbers": numbers(),
        "characterMap": base64.b64encode(rules).decode(),
        "cases": cases,
    }
    body = json.dumps(golden, ensure_ascii=True, separators=(",", ":"))
    (HERE / "unigram.json").write_text(body + "\n", encoding="ascii")


if __name__ == "__main__":
    main()
