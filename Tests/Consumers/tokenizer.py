"""Checks that the `tokenizers` package (0.23.3) gives the ids that Retort gave.

    python3 tokenizer.py DIR TEXTS.csv IDS.jsonl [MAX_LENGTH]

DIR holds tokenizer.json and vocab.txt as Retort wrote them, TEXTS.csv has a column `text`, and line i of IDS.jsonl is
the JSON array of ids that Retort gave to row i, cut to MAX_LENGTH ids if that is given. Exits 1 on any difference, and
names the first ones.
"""

import csv
import json
import pathlib
import sys

from tokenizers import Tokenizer
from tokenizers.implementations import BertWordPieceTokenizer

SHOWN = 5


def main(directory, texts_path, ids_path, max_length=None):
    directory = pathlib.Path(directory)
    with open(texts_path, newline="", encoding="utf-8-sig") as file:
        texts = [row["text"] for row in csv.DictReader(file)]
    with open(ids_path, encoding="utf-8") as file:
        ours = [json.loads(line) for line in file]
    if len(texts) != len(ours):
        return [f"{len(texts)} texts but {len(ours)} lines of ids"]

    tokenizer = Tokenizer.from_file(str(directory / "tokenizer.json"))
    config = json.loads((directory / "tokenizer_config.json").read_text(encoding="utf-8"))
    from_lines = BertWordPieceTokenizer(
        str(directory / "vocab.txt"),
        lowercase=config["do_lower_case"],
        strip_accents=config["strip_accents"],
    )

    problems = []
    for name, reference in [("tokenizer.json", tokenizer), ("vocab.txt", from_lines)]:
        reference.no_padding()
        reference.no_truncation()
        if max_length is not None:
            reference.enable_truncation(int(max_length))
        for row, (encoding, ids) in enumerate(zip(reference.encode_batch(texts), ours)):
            if encoding.ids != ids:
                problems.append(f"{name}: row {row} {texts[row]!r}: {encoding.ids} but Retort has {ids}")
    return problems


if __name__ == "__main__":
    if len(sys.argv) not in (4, 5):
        sys.exit(__doc__)
    found = main(*sys.argv[1:])
    for problem in found[:SHOWN]:
        print(problem, file=sys.stderr)
    if found:
        sys.exit(f"{len(found)} differences")
    print("all ids are equal")
