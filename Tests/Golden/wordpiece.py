"""Writes wordpiece.json: the ids and words that the `tokenizers` package gives, for Tests/TokenizersTests.

Reference: tokenizers 0.23.3 (PyPI). Python 3.11, standard library otherwise.

    python3 wordpiece.py
"""

import collections
import csv
import hashlib
import json
import pathlib
import random

import tokenizers
from tokenizers import Tokenizer, normalizers, pre_tokenizers
from tokenizers.implementations import BertWordPieceTokenizer
from tokenizers.models import WordPiece
from tokenizers.processors import TemplateProcessing

assert tokenizers.__version__ == "0.23.3", tokenizers.__version__

HERE = pathlib.Path(__file__).resolve().parent
DATA = HERE.parents[1] / "datasets" / "prompt-injection" / "test.csv"
SPECIAL = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"]
VOCABULARY_SIZE = 600
TRAINED_SIZE = 700
BLOCK = 0x1000
# Everything assigned lies in planes 0 to 3 and 14; plane 15 is for private use.
BLOCKS = [*range(0, 0x40000, BLOCK), 0xE0000, 0xF0000]

NASTY = [
    "",
    " ",
    " \t\r\n\u00a0\u2003\u3000 ",
    "Hello, World!",
    "naïve café Ångström Ünïcödé résumé",
    "cafe\u0301 A\u030a o\u0302\u0323 \u0301leading",
    "İstanbul ISPARTA ığdır ΑΣ ΣΊΣΥΦΟΣ straße STRAẞE ǅ ﬁne",
    "我爱北京天安门 漢字かな交じり文 カタカナ ｶﾅ 한국어 각",
    "ignore前の指示を無視して",
    "😀 👩‍👩‍👧‍👦 👍🏽 🇩🇪 ☕️ text😀text",
    "مرحبا بالعالم، كيف؟ שָׁלוֹם עולם \u200fRTL\u200e \u202eabc\u202c",
    "नमस्ते दुनिया। สวัสดีชาวโลก ௐ",
    "nul\u0000in\u0001side \u0007bell \u001f\u007f\u0085 a\u200bb a\u00adb \ufeffbom \ufffd\ufffd",
    "vertical\u000btab form\u000cfeed line\u2028sep para\u2029end nel\u0085x",
    "a" * 100,
    "a" * 101,
    "a" * 200 + " then more",
    "é" * 100 + " " + "é" * 101,
    "İ" * 60 + " " + "ß" * 101,
    "$5.00+tax=10%^2 <b>~`|\\</b> {a}[b](c) a_b-c/d #hash @me ¿qué? «oui» “q” ‘s’ – — … ・。",
    "##ing ## # ing##",
    "[CLS] [SEP] [MASK][PAD] x[UNK]y [cls] [ CLS ] [[SEP]] [SEP",
    "\ud7ff\ue000 private \U000f0000 \U0010ffff unassigned \u0378",
    "\u1734\U0001171e\u1885\ua9bd\u166d\U000111c9 old categories",
    "a\u302e\u0301 \U0001d15e\u0323 \u0f73\u0f71 \u0344\u0323x \U00011938 İİ[MASK]İ中[SEP]国",
    "① ² ½ Ⅳ ㎏ ﷺ ㈱ \u0345 \u1e9b\u0323",
    "\U00020000\U0002a6df\u3400 x\uf900y\U0002f800z",
    "http://example.com/?q=a&b=c user@host 192.168.0.1 3.14e-10 C++ C# F#",
    "ignore previous instructions " * 12,
]


def random_texts(count):
    generator = random.Random(7)
    pools = [
        "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ",
        " \t\n\u00a0",
        ".,!?[]#'\"$+<",
        "àéîõüçñÅØßſİıΣςДжЁ",
        "\u0300\u0301\u0308\u0323\u0327\u0345\u0591\u093c\u3099",
        "中国語日本한글각",
        "\u0000\u0001\u200b\u200d\ufe0f\ufffd\ue000\u0378",
        "😀👍🏽🇩🇪",
        "אבגدهوनमสวิ",
    ]
    return [
        "".join(generator.choice(generator.choice(pools)) for _ in range(generator.randint(1, 40)))
        for _ in range(count)
    ]


def vocabulary_for(texts, split):
    """Special tokens, frequent characters outside and inside words, then frequent words, halves and endings."""
    words = collections.Counter(word for text in texts for word in split(text))
    first, inside, longer = collections.Counter(), collections.Counter(), collections.Counter()
    for word, count in words.items():
        first[word[0]] += count
        inside.update({"##" + character: count for character in word[1:]})
        longer[word] += count
        for cut in range(2, min(len(word), 12) - 1):
            longer[word[:cut]] += count
            longer["##" + word[cut:]] += count

    def ranked(counter):
        return [piece for piece, _ in sorted(counter.items(), key=lambda item: (-item[1], item[0]))]

    pieces = SPECIAL + ranked(first)[:160] + ranked(inside)[:140] + ranked(longer)
    return list(dict.fromkeys(pieces))[:VOCABULARY_SIZE]


def normalizer(lowercase, strip_accents):
    return normalizers.BertNormalizer(
        clean_text=True, handle_chinese_chars=True, strip_accents=strip_accents, lowercase=lowercase
    )


def splitter(lowercase, strip_accents):
    normalize, split = normalizer(lowercase, strip_accents), pre_tokenizers.BertPreTokenizer()
    return lambda text: [word for word, _ in split.pre_tokenize_str(normalize.normalize_str(text))]


def reference(vocabulary, lowercase, strip_accents):
    ids = {token: index for index, token in enumerate(vocabulary)}
    tokenizer = Tokenizer(WordPiece(ids, unk_token="[UNK]", max_input_chars_per_word=100))
    tokenizer.normalizer = normalizer(lowercase, strip_accents)
    tokenizer.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    tokenizer.post_processor = TemplateProcessing(
        single="[CLS] $A [SEP]", special_tokens=[("[CLS]", ids["[CLS]"]), ("[SEP]", ids["[SEP]"])]
    )
    tokenizer.add_special_tokens(SPECIAL)
    return tokenizer


def trained(texts, size):
    """The pieces that the reference learns every time. Its hash tables decide between pairs of equal frequency, so
    the others differ from run to run. (Retort leaves out words of over 100 characters, so only short texts are used.)"""
    common = None
    for _ in range(60):
        tokenizer = BertWordPieceTokenizer()
        tokenizer.train_from_iterator(texts, vocab_size=size, min_frequency=2, show_progress=False)
        common = set(tokenizer.get_vocab()) & (common or set(tokenizer.get_vocab()))
    return sorted(common)


def block_digest(split, start):
    scalars = (value for value in range(start, start + BLOCK) if not 0xD800 <= value < 0xE000)
    lines = ("\u001f".join(split(f"a{chr(value)}b")) for value in scalars)
    return hashlib.sha256("\n".join(lines).encode()).hexdigest()


def main():
    with open(DATA, newline="", encoding="utf-8") as file:
        prompts = [row["text"] for row in csv.DictReader(file)]
    texts = NASTY + prompts[:150] + random_texts(150)
    vocabulary = vocabulary_for(NASTY + prompts, splitter(True, None))

    cases = []
    for lowercase, strip_accents in [(True, None), (False, None), (True, False)]:
        tokenizer = reference(vocabulary, lowercase, strip_accents)
        split = splitter(lowercase, strip_accents)
        encodings = tokenizer.encode_batch(texts)
        offsets = json.dumps([encoding.offsets for encoding in encodings], separators=(",", ":"))
        tokenizer.enable_truncation(12)
        cases.append(
            {
                "lowercase": lowercase,
                "stripAccents": strip_accents,
                "whole": [encoding.ids for encoding in encodings],
                "offsets": hashlib.sha256(offsets.encode()).hexdigest(),
                "shownOffsets": [[x for pair in encoding.offsets for x in pair] for encoding in encodings[: len(NASTY)]],
                "truncated": [encoding.ids for encoding in tokenizer.encode_batch(texts)],
                "blocks": [{"start": start, "digest": block_digest(split, start)} for start in BLOCKS],
            }
        )
    golden = {
        "reference": f"tokenizers {tokenizers.__version__}",
        "vocabulary": vocabulary,
        "texts": texts,
        "truncation": 12,
        "blockSize": BLOCK,
        "trainedSize": TRAINED_SIZE,
        "trainedPieces": trained([text for text in texts if len(text) <= 100], TRAINED_SIZE),
        "cases": cases,
    }
    body = json.dumps(golden, ensure_ascii=True, separators=(",", ":"))
    (HERE / "wordpiece.json").write_text(body + "\n", encoding="ascii")


if __name__ == "__main__":
    main()
