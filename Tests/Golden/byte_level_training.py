"""Writes byte_level_training.json: the vocabularies that the `tokenizers` package learns, for Tests/TokenizersTests.

Reference: tokenizers 0.23.3 (PyPI). Python 3.11, standard library otherwise.

    python3 byte_level_training.py
"""

import csv
import hashlib
import json
import pathlib
import random

import tokenizers
from tokenizers import Tokenizer, models, pre_tokenizers, trainers

assert tokenizers.__version__ == "0.23.3", tokenizers.__version__

HERE = pathlib.Path(__file__).resolve().parent
DATA = HERE.parents[1] / "datasets" / "prompt-injection" / "test.csv"
SHOWN = 40


def corpora():
    generator = random.Random(17)
    with open(DATA, newline="", encoding="utf-8") as file:
        prompts = [row["text"] for row in csv.DictReader(file)][:120]
    # Many equal frequencies, overlapping pairs, and pieces that several pairs spell.
    ties = ["".join(generator.choice("ab") for _ in range(generator.randint(1, 12))) for _ in range(60)]
    runs = ["a" * length for length in range(1, 25)] + ["aba" * length for length in range(1, 9)]
    scripts = ["naïve café", "我爱北京天安门", "😀👍🏽", "don't we'll I'm", "  two  blanks\t\n", "привет мир привет", "१२३ abc 123"] * 2
    return {"prompts": prompts, "ties": ties, "runs": runs, "scripts": scripts}


def digest(lines):
    return hashlib.sha256("\n".join(lines).encode()).hexdigest()


def train(texts, size, minimum, special):
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.train_from_iterator(
        texts,
        trainers.BpeTrainer(
            vocab_size=size,
            min_frequency=minimum,
            special_tokens=special,
            initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
            show_progress=False,
        ),
    )
    model = json.loads(tokenizer.to_str())["model"]
    tokens = sorted(model["vocab"], key=model["vocab"].get)
    merges = [f"{first} {second}" for first, second in model["merges"]]
    return tokens, merges


def main():
    texts = corpora()
    cases = []
    for name, size, minimum, special in [
        ("prompts", 900, 2, ["<|endoftext|>"]),
        ("prompts", 400, 4, ["<s>", "</s>", "a"]),
        ("ties", 600, 1, ["<|endoftext|>"]),
        ("ties", 300, 2, []),
        ("runs", 700, 1, ["<|endoftext|>"]),
        ("scripts", 500, 2, ["<|endoftext|>", "é"]),
    ]:
        tokens, merges = train(texts[name], size, minimum, special)
        cases.append(
            {
                "corpus": name,
                "size": size,
                "minimumFrequency": minimum,
                "special": special,
                "count": len(tokens),
                "tokens": digest(tokens),
                "merges": digest(merges),
                "firstMerges": merges[:SHOWN],
            }
        )
    golden = {"reference": f"tokenizers {tokenizers.__version__}", "corpora": texts, "cases": cases}
    body = json.dumps(golden, ensure_ascii=True, separators=(",", ":"))
    (HERE / "byte_level_training.json").write_text(body + "\n", encoding="ascii")


if __name__ == "__main__":
    main()
