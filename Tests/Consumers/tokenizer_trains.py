"""Trains tokenizers with Retort, and checks that the `tokenizers` package (0.23.3) reads them, encodes as Retort does, and
learns the same byte-level vocabulary from the same texts.

    python3 tokenizer_trains.py RETORT

RETORT is the built program; run it from the repository's root. Exits 1 on the first thing that does not hold.
"""

import csv
import json
import pathlib
import subprocess
import sys
import tempfile

from tokenizers import Tokenizer, models, pre_tokenizers, trainers

import mixed_text
from tokenizer_agrees import check, compare

SIZE = 4096
TEXTS = 5000


def train(retort, folder, *arguments):
    command = [retort, "tokenizer", "train", "--vocabulary", SIZE, *arguments, mixed_text.DATA, "--output", folder]
    subprocess.run(list(map(str, command)), check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    return folder / "tokenizer.json"


def check_vocabulary(path):
    with open(mixed_text.DATA, newline="", encoding="utf-8") as file:
        texts = [row["text"] for row in csv.DictReader(file)]
    reference = Tokenizer(models.BPE())
    reference.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    alphabet = pre_tokenizers.ByteLevel.alphabet()
    reference.train_from_iterator(
        texts,
        trainers.BpeTrainer(
            vocab_size=SIZE, min_frequency=2, special_tokens=["<|endoftext|>"], initial_alphabet=alphabet, show_progress=False
        ),
    )
    ours, theirs = json.loads(path.read_text(encoding="utf-8"))["model"], json.loads(reference.to_str())["model"]
    check(ours["vocab"] == theirs["vocab"], f"byte-level: the same {len(theirs['vocab'])} tokens with the same ids")
    check(ours["merges"] == theirs["merges"], f"byte-level: the same {len(theirs['merges'])} merges in the same order")
    vocabulary = json.loads((path.parent / "vocab.json").read_text(encoding="utf-8"))
    lines = (path.parent / "merges.txt").read_text(encoding="utf-8").split("\n")[1:-1]
    check(vocabulary == theirs["vocab"], "byte-level: vocab.json has them too")
    check(lines == [" ".join(pair) for pair in theirs["merges"]], "byte-level: merges.txt has them too")


def main(retort):
    retort = pathlib.Path(retort).resolve()
    texts = list(mixed_text.lines(TEXTS, seed=1))
    with tempfile.TemporaryDirectory() as folder:
        folder = pathlib.Path(folder)
        check_vocabulary(train(retort, folder / "bytes", "--kind", "byte-level"))
        train(retort, folder / "lower", "--kind", "wordpiece", "--lowercase")
        train(retort, folder / "cased", "--kind", "wordpiece", "--cased")
        for name in ("bytes", "lower", "cased"):
            compare(retort, folder / name / "tokenizer.json", texts, name)


if __name__ == "__main__":
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    main(sys.argv[1])
