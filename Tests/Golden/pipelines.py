"""Makes tokenizers of every kind that `tokenizer.json` files in use describe, and records what the `tokenizers` package gives
for nasty texts.

    pip install tokenizers==0.23.3
    python3 Tests/Golden/pipelines.py

Writes pipelines/KIND.json, the tokenizers (trained on datasets/prompt-injection; the package's hash tables decide between
equal frequencies, so training again gives other merges; `--keep` only records again), and pipelines.json: the texts; for each
kind a digest of the ids and offsets of each text, of some pairs, and of what is decoded; for each pre-tokenizer (with a model
that makes one token of each word) a digest of the offsets around all Unicode scalars, by blocks.
"""

import csv
import hashlib
import json
import pathlib
import random
import sys

import tokenizers
from tokenizers import AddedToken, Regex, Tokenizer, decoders, models, normalizers, pre_tokenizers, processors, trainers

HERE = pathlib.Path(__file__).parent
DATA = HERE.parent.parent / "datasets" / "prompt-injection" / "train.csv"
FOLDER = HERE / "pipelines"
BLOCK = 0x1000
LLAMA3 = (
    r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+"
)
QWEN2 = LLAMA3.replace(r"\p{N}{1,3}", r"\p{N}")
GPT4O = (
    r"[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]*[\p{Ll}\p{Lm}\p{Lo}\p{M}]+(?i:'s|'t|'re|'ve|'m|'ll|'d)?"
    r"|[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]+[\p{Ll}\p{Lm}\p{Lo}\p{M}]*(?i:'s|'t|'re|'ve|'m|'ll|'d)?"
    r"|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n/]*|\s*[\r\n]+|\s+(?!\S)|\s+"
)
NASTY = [
    "",
    " ",
    "   ",
    "\n\n\n",
    "\t \r\n  x",
    "Hello world 123",
    " leading and trailing  ",
    "I'm you're he'S WE'LL they'Ve it'd don'T 'tis 's",
    "it\u017fs '\u017f 'S \u212aelvin",
    "naïve café Ångström déjà-vu İstanbul ǅungla straße ΣΑΣ ς",
    "e\u0301 a\u0323\u0301 a\u0301\u0323 o\u0308\u0304 \u1e9b\u0323 \u0344 \u0301alone q\u0307\u0323",
    "\u1112\u1161\u11ab\u1100\u1173\u11af 각각 \uac00\u11a8",
    "\ufb01 ﬀ ① ½ Ⅳ ㎏ ﷺ ㈱ ﾊﾞ \u2126 \u212b \u00b5",
    "中国語を勉強する。日本語のテスト，한국어 시험입니다",
    "👍🏽 👨‍👩‍👧‍👦 🇩🇪🇫🇷 😀text❤️ \U0001f3f4\U000e0067\U000e0062\U000e0065\U000e006e\U000e0067\U000e007f",
    "שלום עולם مرحبا بالعالم ‏RTL‎ \u202eabc\u202c",
    "สวัสดีชาวโลก नमस्ते दुनिया ক্ষ",
    "\u0000NUL\u0000 \u0001\u0002\u001f\u007f\u0080\u0085\u009f",
    "\u200b\u200c\u200d\u2060\ufeff zero\u200bwidth",
    "\u00a0\u1680\u2000\u2009\u2028\u2029\u202f\u205f\u3000 blanks \u180e",
    "x" * 5000,
    "ab" * 600 + " " + "é" * 500,
    " " * 300 + "z" + "\n" * 100,
    "a" + " " * 63 + "\n" + " " * 7 + "b",
    "12345678901234567890 1,234.56 ٣٤٥ ⅷ ²³ ๑๒ 1st",
    "http://example.com/?q=a&b=c user@host 192.168.0.1 3.14e-10 C++ C# F#",
    "def f(x):\n    return x ** 2  # comment\n\n\tif True:\r\n\t\tpass\n",
    "<s>hello</s> <mask> <pad>x<unk> < s > <S>",
    "one <mask> two  <mask>three<mask>  <mask>",
    "<|endoftext|>mid<|endoftext|><|im_start|>user\nHi<|im_end|>\n <|begin_of_text|>",
    "[CLS] [SEP] [MASK] [UNK] [PAD] x[MASK]y [mask] [ MASK ]",
    "word<tool>word <tool> xTOOLx TOOL tool, TOOL. éTOOL TOOL\u200d",
    "ALLCAPS mixedCase snake_case kebab-case dotted.name",
    "…—–‘quoted’ “double” «guillemets» ¿qué? ¡no!",
    "a\u0300\u0301\u0302\u0303 zalgo t̸̢e̶x̷t̵",
    "\U0001d400\U0001d49c\U0001d7d8 \U00020000\U0002a6df \U000f0000\U0010ffff \u0378\uffff",
    "\ufffd replacement \ufdd0",
    "▁already ▁marked▁ text▁",
    "Ġalphabet Ċ Ã©",
    "<0x0A><0x41> <0xFF>",
]


def sha(value):
    body = json.dumps(value, ensure_ascii=True, separators=(",", ":"))
    return hashlib.sha256(body.encode()).hexdigest()[:8]


def prompts():
    with open(DATA, newline="", encoding="utf-8") as file:
        return [row["text"] for row in csv.DictReader(file)]


POOLS = [
    "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ",
    "etaoin shrdlu etaoin shrdlu ",
    "0123456789",
    "    \t\n\r\n\u00a0\u2003\u3000",
    ".,!?[]#'\"$+<>/\\-_=(){}",
    "àéîõüçñÅØßſİıΣςДжЁ",
    "\u0300\u0301\u0308\u0323\u0327\u0345\u0591\u093c\u3099",
    "中国語日本한글각かなカナ",
    "\u0000\u0001\u200b\u200d\ufe0f\ufffd\ue000\u0378\u00ad",
    "😀👍🏽🇩🇪👨👩",
    "אבגدهوनमสวิ",
    "①½Ⅳ㎏ﬁ٣๑²",
]
SNIPPETS = [
    "'s", "'LL", "'ve", "don't", " the", " and", "\n\n", "  ", "<s>", "</s>", "<mask>", " <mask> ", "<|endoftext|>", "<|im_start|>",
    "<|im_end|>", "[MASK]", "[CLS]", "<tool>", "TOOL", " TOOL ", "▁", "e\u0301", "\u1100\u1161\u11a8", "http://", "👨‍👩‍👧",
]


def random_text(generator):
    """Also the source of the 100,000 lines of Tests/Consumers/tokenizers_agree.py."""
    parts = []
    for _ in range(generator.randint(1, 30)):
        kind = generator.random()
        if kind < 0.25:
            parts.append(generator.choice(SNIPPETS))
        elif kind < 0.27:
            parts.append(generator.choice(generator.choice(POOLS)) * generator.randint(2, 120))
        else:
            pool = generator.choice(POOLS)
            parts.append("".join(generator.choice(pool) for _ in range(generator.randint(1, 12))))
    return "".join(parts)


def special(*names, **flags):
    return [AddedToken(name, special=True, normalized=False, **flags) for name in names]


def bpe_trainer(tokens, size=460, **settings):
    return trainers.BpeTrainer(
        vocab_size=size,
        special_tokens=tokens,
        initial_alphabet=settings.pop("initial_alphabet", pre_tokenizers.ByteLevel.alphabet()),
        show_progress=False,
        **settings,
    )


def split_then_bytes(pattern):
    return pre_tokenizers.Sequence(
        [
            pre_tokenizers.Split(Regex(pattern), "isolated"),
            pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False),
        ]
    )


def gpt2(texts):
    made = Tokenizer(models.BPE())
    made.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    made.train_from_iterator(texts, bpe_trainer(["<|endoftext|>"]))
    made.post_processor = processors.ByteLevel(trim_offsets=False)
    made.decoder = decoders.ByteLevel()
    return made


def prefixed(texts):
    """GPT-2 with a blank before each text, offsets trimmed, an unknown token, and words as added tokens."""
    made = Tokenizer(models.BPE(unk_token="<unk>"))
    made.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=True)
    made.train_from_iterator(texts, bpe_trainer(["<unk>"], initial_alphabet=list("abcdefghijklmnopqrstuvwxyzĠ.,'")))
    made.post_processor = processors.ByteLevel(trim_offsets=True, add_prefix_space=True)
    made.decoder = decoders.ByteLevel()
    made.add_tokens([AddedToken("TOOL", single_word=True, normalized=True), AddedToken("<tool>", rstrip=True, lstrip=True)])
    return made


def roberta(texts):
    made = Tokenizer(models.BPE())
    made.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    made.train_from_iterator(texts, bpe_trainer(["<s>", "<pad>", "</s>", "<unk>"]))
    made.add_special_tokens(special("<s>", "<pad>", "</s>", "<unk>") + special("<mask>", lstrip=True))
    ids = made.get_vocab()
    made.post_processor = processors.RobertaProcessing(
        ("</s>", ids["</s>"]), ("<s>", ids["<s>"]), trim_offsets=True, add_prefix_space=False
    )
    made.decoder = decoders.ByteLevel()
    return made


def llama3(texts):
    made = Tokenizer(models.BPE(ignore_merges=True))
    made.pre_tokenizer = split_then_bytes(LLAMA3)
    made.train_from_iterator(texts, bpe_trainer([]))
    made.add_special_tokens(special("<|begin_of_text|>", "<|im_start|>", "<|im_end|>"))
    begin = ("<|begin_of_text|>", made.token_to_id("<|begin_of_text|>"))
    made.post_processor = processors.Sequence(
        [
            processors.ByteLevel(trim_offsets=True),
            processors.TemplateProcessing(
                single=f"{begin[0]} $A", pair=f"{begin[0]} $A {begin[0]}:1 $B:1", special_tokens=[begin]
            ),
        ]
    )
    made.decoder = decoders.ByteLevel()
    # A token that no merge makes: only `ignore_merges` finds it.
    body = json.loads(made.to_str())
    vocabulary = body["model"]["vocab"]
    for name in ("Ġconfidential", "bcd"):
        for token in body["added_tokens"]:
            token["id"] += 1
        vocabulary[name] = len(vocabulary)
    begin_id = next(t["id"] for t in body["added_tokens"] if t["content"] == begin[0])
    body["post_processor"]["processors"][1]["special_tokens"][begin[0]]["ids"] = [begin_id]
    return Tokenizer.from_str(json.dumps(body))


def qwen2(texts):
    made = Tokenizer(models.BPE())
    made.normalizer = normalizers.NFC()
    made.pre_tokenizer = split_then_bytes(QWEN2)
    made.train_from_iterator(texts, bpe_trainer([]))
    made.add_special_tokens(special("<|endoftext|>", "<|im_start|>", "<|im_end|>"))
    made.post_processor = processors.ByteLevel(trim_offsets=False)
    made.decoder = decoders.ByteLevel()
    return made


def gpt4o(texts):
    made = Tokenizer(models.BPE())
    made.pre_tokenizer = split_then_bytes(GPT4O)
    made.train_from_iterator(texts, bpe_trainer(["<|endoftext|>"], 400))
    made.decoder = decoders.ByteLevel()
    return made


def smollm(texts):
    made = Tokenizer(models.BPE(unk_token="<|endoftext|>"))
    made.pre_tokenizer = pre_tokenizers.Sequence(
        [
            pre_tokenizers.Digits(individual_digits=True),
            pre_tokenizers.ByteLevel(add_prefix_space=False, trim_offsets=True, use_regex=True),
        ]
    )
    made.train_from_iterator(texts, bpe_trainer(["<|endoftext|>", "<|im_start|>", "<|im_end|>"]))
    made.decoder = decoders.ByteLevel()
    return made


def llama2(texts):
    """SentencePiece's byte-pair encoding as the converter writes it: no pre-tokenizer, blanks as ▁, bytes as a last resort."""
    made = Tokenizer(models.BPE(unk_token="<unk>", byte_fallback=True, fuse_unk=True))
    made.pre_tokenizer = pre_tokenizers.Metaspace()
    bytes_ = [f"<0x{byte:02X}>" for byte in range(256)]
    made.train_from_iterator(texts, bpe_trainer(["<unk>", "<s>", "</s>"] + bytes_, 560, initial_alphabet=["▁"]))
    made.pre_tokenizer = None
    made.normalizer = normalizers.Sequence([normalizers.Prepend("▁"), normalizers.Replace(" ", "▁")])
    made.decoder = decoders.Sequence(
        [decoders.Replace("▁", " "), decoders.ByteFallback(), decoders.Fuse(), decoders.Strip(" ", 1, 0)]
    )
    body = json.loads(made.to_str())
    body["added_tokens"] = [token for token in body["added_tokens"] if not token["content"].startswith("<0x")]
    made = Tokenizer.from_str(json.dumps(body))
    begin = ("<s>", made.token_to_id("<s>"))
    made.post_processor = processors.TemplateProcessing(
        single="<s> $A", pair="<s> $A <s>:1 $B:1", special_tokens=[begin]
    )
    return made


def metaspace(texts):
    """Characters and Metaspace before the first word only; unknown characters one by one; words as added tokens."""
    made = Tokenizer(models.BPE(unk_token="<unk>"))
    made.pre_tokenizer = pre_tokenizers.Metaspace(prepend_scheme="first")
    made.normalizer = normalizers.Sequence([normalizers.Strip(), normalizers.NFKC(), normalizers.Replace(Regex(" {2,}"), " ")])
    made.train_from_iterator(texts, bpe_trainer(["<unk>"], 300, initial_alphabet=["▁"], limit_alphabet=60))
    made.add_tokens([AddedToken("<tool>"), AddedToken("TOOL", single_word=True, normalized=False)])
    made.decoder = decoders.Metaspace(prepend_scheme="first")
    return made


def bert(texts):
    made = Tokenizer(models.WordPiece(unk_token="[UNK]"))
    made.normalizer = normalizers.BertNormalizer()
    made.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    names = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"]
    made.train_from_iterator(
        texts, trainers.WordPieceTrainer(vocab_size=600, special_tokens=names, limit_alphabet=120, show_progress=False)
    )
    made.post_processor = processors.TemplateProcessing(
        single="[CLS] $A [SEP]", pair="[CLS] $A [SEP] $B:1 [SEP]:1", special_tokens=[("[CLS]", 2), ("[SEP]", 3)]
    )
    made.decoder = decoders.WordPiece()
    return made


def bert_cased(texts):
    """WordPiece of other settings: cased, the older post-processor, a mask that takes blanks."""
    made = Tokenizer(models.WordPiece(unk_token="[UNK]", max_input_chars_per_word=40))
    made.normalizer = normalizers.BertNormalizer(lowercase=False, strip_accents=False, handle_chinese_chars=True)
    made.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    names = ["[PAD]", "[UNK]", "[CLS]", "[SEP]"]
    made.train_from_iterator(
        texts, trainers.WordPieceTrainer(vocab_size=500, special_tokens=names, limit_alphabet=120, show_progress=False)
    )
    made.add_special_tokens(special("[MASK]", lstrip=True))
    made.post_processor = processors.BertProcessing(("[SEP]", 3), ("[CLS]", 2))
    made.decoder = decoders.WordPiece(cleanup=False)
    return made


def mixed(texts):
    """The remaining normalizers and pre-tokenizers in a row."""
    made = Tokenizer(models.WordPiece(unk_token="[UNK]"))
    made.normalizer = normalizers.Sequence(
        [normalizers.NFKD(), normalizers.StripAccents(), normalizers.Lowercase(), normalizers.Strip(left=True, right=False)]
    )
    made.pre_tokenizer = pre_tokenizers.Sequence(
        [
            pre_tokenizers.Whitespace(),
            pre_tokenizers.Punctuation("merged_with_previous"),
            pre_tokenizers.Digits(),
            pre_tokenizers.Split("e", "merged_with_next"),
            pre_tokenizers.WhitespaceSplit(),
        ]
    )
    made.train_from_iterator(
        texts, trainers.WordPieceTrainer(vocab_size=300, special_tokens=["[UNK]"], limit_alphabet=80, show_progress=False)
    )
    made.add_tokens([AddedToken("TOOL", normalized=True)])
    return made


KINDS = [gpt2, prefixed, roberta, llama3, qwen2, gpt4o, smollm, llama2, metaspace, bert, bert_cased, mixed]


SPLITS = {
    "gpt2": r"'s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+",
    "llama3": LLAMA3,
    "gpt4o": GPT4O,
    "words": r"\w+|[^\w\s]+|\d",
    "numbers": r"\d+|\p{Nl}|\p{No}+|\p{Nd}",
    "kinds": r"[\p{P}]+|\p{S}+|\p{Z}+|\p{Cf}|[\p{M}\p{Lm}]+|\p{Lu}|\W",
    "folded": r"(?i:sk|[ab])|(?i:k)",
    "Digits": pre_tokenizers.Digits(),
    "Whitespace": pre_tokenizers.Whitespace(),
    "WhitespaceSplit": pre_tokenizers.WhitespaceSplit(),
    "Punctuation": pre_tokenizers.Punctuation(),
    "BertPreTokenizer": pre_tokenizers.BertPreTokenizer(),
}


def scalar_texts():
    """Texts of sixteen scalars each, every one among letters, blanks, digits and its own kind; by block."""
    for block in [*range(0, 0x34000, BLOCK), 0xE0000, 0xF0000]:
        scalars = [value for value in range(block, block + BLOCK) if not 0xD800 <= value < 0xE000]
        rows = [map(chr, scalars[start : start + 16]) for start in range(0, len(scalars), 16)]
        if rows:
            yield block, ["|".join(f"a{c}b {c}{c} 1{c}'{c}s {c}" for c in row) for row in rows]


def splits():
    """Each pre-tokenizer before a model that knows nothing and makes one unknown token of a word."""
    for name, split in SPLITS.items():
        tokenizer = Tokenizer(models.BPE({"<unk>": 0}, [], unk_token="<unk>", fuse_unk=True))
        tokenizer.pre_tokenizer = pre_tokenizers.Split(Regex(split), "isolated") if isinstance(split, str) else split
        blocks = [
            [block, sha([[list(pair) for pair in e.offsets] for e in tokenizer.encode_batch(rows)])]
            for block, rows in scalar_texts()
        ]
        yield name, {"tokenizer": tokenizer.to_str(), "blocks": blocks}


def encoded(tokenizer, *texts):
    encoding = tokenizer.encode(*texts)
    return [encoding.ids, [list(pair) for pair in encoding.offsets]]


def recorded(tokenizer, texts):
    pairs = []
    for index in range(40):
        first, second, limit = texts[index], texts[-1 - index], 6 + index % 40
        tokenizer.enable_truncation(limit)
        encoding = tokenizer.encode(first, second)
        pairs.append(
            sha([limit, encoding.ids, encoding.type_ids, encoding.special_tokens_mask, [list(p) for p in encoding.offsets]])
        )
    tokenizer.no_truncation()
    ids = [tokenizer.encode(text).ids for text in texts]
    return {
        "texts": [sha(encoded(tokenizer, text)) for text in texts],
        "pairs": pairs,
        "decoded": [
            hashlib.sha256("\x1f".join(tokenizer.decode(i, skip_special_tokens=skip) for skip in (True, False)).encode())
            .hexdigest()[:8]
            for i in ids
        ],
    }


def main():
    FOLDER.mkdir(exist_ok=True)
    lines = prompts()
    generator = random.Random(7)
    texts = NASTY + lines[:40] + [random_text(generator) for _ in range(160)]
    golden = {"reference": f"tokenizers {tokenizers.__version__}", "block": BLOCK, "texts": texts, "kinds": {}}
    for kind in KINDS:
        path = FOLDER / f"{kind.__name__}.json"
        if "--keep" not in sys.argv:
            body = json.loads(kind(lines[:3000] + NASTY).to_str())
            path.write_text(json.dumps(body, ensure_ascii=False, separators=(",", ":")) + "\n", encoding="utf-8")
        golden["kinds"][kind.__name__] = recorded(Tokenizer.from_file(str(path)), texts)
    golden["splits"] = dict(splits())
    (HERE / "pipelines.json").write_text(json.dumps(golden, ensure_ascii=False, separators=(",", ":")) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
