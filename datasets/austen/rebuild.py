#!/usr/bin/env python3
"""Makes train, validation and test from the Debian package r-cran-janeaustenr 1.0.0-1.

    rebuild.py PACKAGE.deb        needs dpkg-deb; no R

A paragraph becomes a line: the lines of a printed paragraph are joined by single spaces. Title pages and what stands before
the first chapter go. The last chapter of each training novel is kept apart for validation; Persuasion is the test.
"""
import gzip
import hashlib
import os
import re
import struct
import subprocess
import sys
import tempfile
import zlib

SHA256 = "df6bddf211906d1ff404f8ff662c21b34e6660e7f54a311084e749050c019c95"
# In the order of the package's database.
NOVELS = ["Emma", "Mansfield Park", "Northanger Abbey", "Persuasion", "Pride and Prejudice", "Sense and Sensibility"]
TEST = "Persuasion"


def blobs(database):
    """The R objects of a lazy-load database: each its size as a big-endian integer, then a zlib stream."""
    while database:
        stream = zlib.decompressobj()
        blob = stream.decompress(database[4:])
        if len(blob) != struct.unpack(">I", database[:4])[0]:
            sys.exit("the database is not as expected")
        yield blob
        database = stream.unused_data


def strings(blob):
    """The character vector in an R object."""
    place = blob.index(b"\x00\x00\x00\x10") + 4
    (count,) = struct.unpack(">i", blob[place:place + 4])
    place += 4
    lines = []
    for _ in range(count):
        (length,) = struct.unpack(">i", blob[place + 4:place + 8])
        place += 8
        lines.append(blob[place:place + max(0, length)].decode("utf-8"))
        place += max(0, length)
    return lines


def chapters(lines):
    """Lists of paragraphs, a list per chapter."""
    result, paragraph = [], []

    def close():
        if paragraph and result:
            result[-1].append(re.sub(r"\s+", " ", " ".join(paragraph)).strip())
        paragraph.clear()

    for line in lines:
        if re.match(r"^(CHAPTER|Chapter) [0-9IVXL]+\b", line.strip()):
            close()
            result.append([])
        elif re.match(r"^VOLUME [IVX]+$", line.strip()) or re.match(r"^(THE END|FINIS)\.?$", line.strip(), re.I):
            close()
        elif not line.strip():
            close()
        else:
            paragraph.append(line.strip())
    close()
    return [chapter for chapter in result if chapter]


def main():
    package = sys.argv[1]
    digest = hashlib.sha256(open(package, "rb").read()).hexdigest()
    if digest != SHA256:
        sys.exit(f"{package}: sha256 {digest}, expected {SHA256}")
    with tempfile.TemporaryDirectory() as folder:
        subprocess.run(["dpkg-deb", "-x", package, folder], check=True)
        data = open(f"{folder}/usr/lib/R/site-library/janeaustenr/data/Rdata.rdb", "rb").read()
    books = {name: chapters(strings(blob)) for name, blob in zip(NOVELS, blobs(data))}
    splits = {"train": [], "validation": [], "test": []}
    for name, book in books.items():
        if name == TEST:
            splits["test"] += [p for chapter in book for p in chapter]
        else:
            splits["train"] += [p for chapter in book[:-1] for p in chapter]
            splits["validation"] += book[-1]
    here = os.path.dirname(os.path.abspath(__file__))
    for name, paragraphs in splits.items():
        text = "".join(p + "\n" for p in paragraphs)
        with open(f"{here}/{name}.txt.gz", "wb") as file:
            with gzip.GzipFile(filename="", mode="wb", fileobj=file, compresslevel=9, mtime=0) as zipped:
                zipped.write(text.encode("utf-8"))
        print(f"{name}: {len(paragraphs)} paragraphs, {len(text)} characters")
    for name, book in books.items():
        print(f"{name}: {len(book)} chapters, {sum(map(len, book))} paragraphs")


main()
