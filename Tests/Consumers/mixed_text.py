"""Texts of mixed kinds, the same on every machine, to compare tokenizers on: English, code, accents, other scripts, emoji,
control characters, very long words.

    for line in mixed_text.lines(100_000): ...
"""

import csv
import pathlib
import random

DATA = pathlib.Path(__file__).resolve().parents[2] / "datasets" / "prompt-injection" / "train.csv"

ACCENTS = "naïve café Ångström façade über niño coöperate Dvořák Łódź İstanbul ığdır straße STRASSE Việt Nam Ελλάδα Πάτρα"
ACCENTS += " съешь ещё этих мягких булок Київ Ђорђе cafe\u0301 A\u030a o\u0302\u0323 e\u0308\u0301 ﬁne Ⅳ ½ ㎏ ﷺ ™ ① ＦＵＬＬ ｶﾞ ΣΊΣΥΦΟΣ ǅ ẞ"
CJK = "我爱北京天安门 漢字かな交じり文 カタカナ ひらがな 한국어 다람쥐 헌 쳇바퀴에 㐀 𠀀𪜀 豈 ，。！？「」 第１２回 中文English混合123"
RIGHT_TO_LEFT = "مرحبا بالعالم، كيف حالك؟ ١٢٣ שלום עולם שָׁלוֹם \u200fRTL\u200e \u202eabc\u202c פּ لا ﻻ"
OTHERS = "नमस्ते दुनिया। क्षत्रिय สวัสดีชาวโลก ทำไม ᜰᜲᜎᜆ᜔ ಕನ್ನಡ தமிழ் ጤና ይስጥልኝ ខ្មែរ မြန်မာ \u0f73\u0f71 \U00016ff0 \U0001d15e"
EMOJI = "😀 👩‍👩‍👧‍👦 👍🏽 🇩🇪🇺🇸 ☕️ ❤️ text😀text 1️⃣ 🏴󠁧󠁢󠁥󠁮󠁧󠁿 ©®"
SYMBOLS = "$1,234.56 3.14e-10 100% 2024-02-29 13:37 C++ F# a_b-c/d {x: [1, 2]} <b>~`|\\</b> #tag @me … — “q” ‘s’ isn't We'LL they've I'D"
SYMBOLS += " user@example.com https://example.com/a?b=c&d=e#f 192.168.0.1 [CLS] [SEP] [MASK] <s> </s> <unk> <pad> <mask> <|endoftext|> ##ing ▁the Ġa"
CONTROL = "\u0000 \u0001 \t \r \r\n \u000b \u000c \u001c \u007f \u0080 \u0085 \u00a0 \u00ad \u200b \u200d \u2003 \u2028 \u2029 \u2060 \u3000 \ufe0f \ufeff \ufffd \ue000 \u0378 \U0010ffff"
BLANKS = [" "] * 12 + ["  ", "   ", "\t", "\u00a0", "\u3000", "", ""]
WORDS = [part.split(" ") for part in (ACCENTS, CJK, RIGHT_TO_LEFT, OTHERS, EMOJI, SYMBOLS, CONTROL)]


def _long_word(generator):
    kind = generator.randrange(5)
    length = generator.choice([60, 99, 100, 101, 150, 400, 1500])
    if kind == 0:
        return generator.choice("axé中Ж😀") * length
    if kind == 1:
        return "".join(generator.choice("ACGT") for _ in range(length))
    if kind == 2:
        return "".join(generator.choice("0123456789abcdef") for _ in range(length))
    if kind == 3:
        return "".join(generator.choice("abcdefghijklmnopqrstuvwxyzéüñ中国") for _ in range(length))
    return generator.choice(["=", "-", "ab", "haha", "!?", "\u0301", "é"]) * (length // 2)


def _scalar(generator):
    while True:
        value = generator.choice([0x250, 0x3000, 0x10000, 0x20000, 0x30000])
        value = generator.randrange(value)
        if not 0xD800 <= value < 0xE000 and value != 0x0A:
            return chr(value)


def lines(count, seed=0):
    """`count` texts, some with line ends inside: a half of them English, a few words of the other kinds in the rest."""
    generator = random.Random(seed)
    with open(DATA, newline="", encoding="utf-8") as file:
        english = " ".join(row["text"] for row in csv.DictReader(file)).replace("\n", " ").split(" ")
    for _ in range(count):
        start = generator.randrange(len(english) - 40)
        text = english[start : start + generator.randint(0, 30)]
        if generator.random() < 0.5:
            for _ in range(generator.randint(1, 8)):
                kind = generator.random()
                if kind < 0.8:
                    word = generator.choice(generator.choice(WORDS))
                elif kind < 0.97:
                    word = "".join(_scalar(generator) for _ in range(generator.randint(1, 6)))
                else:
                    word = _long_word(generator)
                text.insert(generator.randint(0, len(text)), word)
        yield "".join(word + generator.choice(BLANKS) for word in text)
