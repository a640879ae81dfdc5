"""Checks that Retort and the `tokenizers` package (0.23.3) give the same ids and offsets for mixed texts.

    python3 tokenizer_agrees.py RETORT [--count 100000] [TOKENIZER.json ...]

Without files: a WordPiece tokenizer that Retort trains, Unigram tokenizers that the package trains, one of them with the
character map nmt_nfkc of sentencepiece (0.2.3) and byte fallback, and the small ones of every other kind in
Tests/Golden/pipelines. Run it from the repository's root. Exits 1 on the
first tokenizer that differs, and names the first texts.
"""

import argparse
import csv
import json
import pathlib
import subprocess
import sys
import tempfile

from tokenizers import Regex, Tokenizer, decoders, models, normalizers, pre_tokenizers, processors, trainers

import mixed_text

GOLDEN = pathlib.Path(__file__).resolve().parents[1] / "Golden"
sys.path.append(str(GOLDEN))

import character_maps

PIPELINES = GOLDEN / "pipelines"
SHOWN = 3
SPECIAL = ["<s>", "<pad>", "</s>", "<unk>", "<mask>"]


def check(condition, text):
    print(("ok    " if condition else "WRONG ") + text, flush=True)
    if not condition:
        sys.exit(1)


def encode(retort, path, texts, *options):
    """The objects that Retort writes for texts."""
    lines = "".join(json.dumps({"text": text}) + "\n" for text in texts)
    command = [str(retort), "tokenizer", "encode", str(path), *options]
    result = subprocess.run(command, input=lines.encode(), stdout=subprocess.PIPE, check=True)
    return [json.loads(line) for line in result.stdout.decode().split("\n")[:-1]]


def compare(retort, path, texts, name):
    reference = Tokenizer.from_file(str(path))
    reference.no_padding()
    reference.no_truncation()
    ours = encode(retort, path, texts)
    check(len(ours) == len(texts), f"{name}: {len(texts)} answers")
    different = 0
    for text, encoding, answer in zip(texts, reference.encode_batch(texts), ours):
        if encoding.ids == answer["ids"] and [list(pair) for pair in encoding.offsets] == answer["offsets"]:
            continue
        different += 1
        if different <= SHOWN:
            print(f"{text!r}\n  {encoding.ids} {encoding.offsets}\n  {answer['ids']} {answer['offsets']}")
    check(different == 0, f"{name}: the same ids and offsets for {len(texts)} texts, {different} differ")


def unigram(texts, normalizer, byte_fallback):
    tokenizer = Tokenizer(models.Unigram())
    tokenizer.normalizer = normalizer
    tokenizer.pre_tokenizer = pre_tokenizers.Metaspace()
    trainer = trainers.UnigramTrainer(vocab_size=6000, unk_token="<unk>", special_tokens=SPECIAL, show_progress=False)
    tokenizer.train_from_iterator(texts, trainer)
    content = json.loads(tokenizer.to_str())
    if byte_fallback:
        content["model"]["byte_fallback"] = True
        content["model"]["vocab"] += [[f"<0x{byte:02X}>", -15.5] for byte in range(256)]
    tokenizer = Tokenizer.from_str(json.dumps(content))
    tokenizer.post_processor = processors.TemplateProcessing(
        single="<s> $A </s>", pair="<s> $A </s> </s> $B </s>", special_tokens=[("<s>", 0), ("</s>", 2)]
    )
    tokenizer.decoder = decoders.Metaspace()
    return tokenizer


def made(retort, folder):
    """Tokenizers to compare: paths by name."""
    with open(mixed_text.DATA, newline="", encoding="utf-8") as file:
        texts = [row["text"] for row in csv.DictReader(file)]
    train = [retort, "tokenizer", "train", "--vocabulary", "8192", mixed_text.DATA, "--output", folder / "wordpiece"]
    subprocess.run(list(map(str, train)), check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    rules = character_maps.compiled(texts[:1000], vocab_size=500, normalization_rule_name="nmt_nfkc")
    mapped = normalizers.Sequence([normalizers.Precompiled(rules), normalizers.Replace(Regex(" {2,}"), " ")])
    mixed = texts + list(mixed_text.lines(3000, seed=2))
    for name, tokenizer in [
        ("unigram", unigram(mixed, None, False)),
        ("unigram-nmt-nfkc", unigram(mixed, mapped, True)),
    ]:
        (folder / name).mkdir()
        tokenizer.save(str(folder / name / "tokenizer.json"))
    paths = {name: folder / name / "tokenizer.json" for name in ("wordpiece", "unigram", "unigram-nmt-nfkc")}
    return paths | {path.stem: path for path in sorted(PIPELINES.glob("*.json"))}


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("retort", type=pathlib.Path)
    parser.add_argument("files", nargs="*", type=pathlib.Path)
    parser.add_argument("--count", type=int, default=100_000)
    arguments = parser.parse_args()
    texts = list(mixed_text.lines(arguments.count))
    with tempfile.TemporaryDirectory() as folder:
        paths = {str(path): path for path in arguments.files} or made(arguments.retort.resolve(), pathlib.Path(folder))
        for name, path in paths.items():
            compare(arguments.retort.resolve(), path, texts, name)


if __name__ == "__main__":
    main()
