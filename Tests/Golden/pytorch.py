"""Writes the files in pytorch/ that FormatsTests reads, and pytorch/expected.json with what PyTorch finds in them.

Python 3.11, PyTorch 2.15.0.
Run: python Tests/Golden/pytorch.py
"""

import base64
import collections
import io
import json
import pathlib
import pickle
import struct
import zipfile
import zlib

import torch

here = pathlib.Path(__file__).parent / "pytorch"
here.mkdir(exist_ok=True)
expected = {}
names = {
    torch.float64: "F64", torch.float32: "F32", torch.float16: "F16", torch.bfloat16: "BF16", torch.int64: "I64",
    torch.int32: "I32", torch.int16: "I16", torch.int8: "I8", torch.uint8: "U8", torch.bool: "BOOL",
}


def describe(tensors, key=None, metadata=None, left_out=()):
    """What a reader must find: type, shape and row-major bytes of each tensor, in order."""
    listed = []
    for name, tensor in tensors.items():
        data = tensor.detach().contiguous().reshape(-1).view(torch.uint8).numpy().tobytes()
        listed.append({"name": name, "type": names[tensor.dtype], "shape": list(tensor.shape), "bytes": data.hex()})
    return {"tensors": listed, "key": key, "metadata": metadata or {}, "leftOut": list(left_out)}


def save(file, content, tensors, protocol=2, **description):
    torch.save(content, here / file, pickle_protocol=protocol)
    expected[file] = describe(tensors, **description)


def honest():
    torch.manual_seed(20_250_101)
    types = {str(dtype).removeprefix("torch."): torch.tensor([-3, 0, 1, 100]).to(dtype) for dtype in names}
    types["special"] = torch.tensor([float("nan"), float("inf"), -0.0, 1e-45])
    save("types.pt", types, types)

    base = torch.arange(24, dtype=torch.float32).reshape(2, 3, 4)
    views = collections.OrderedDict(
        base=base, tied=base, transposed=base.transpose(0, 2), slice=base[1, :, 1:3], part=base[1],
        column=base[:, 2, 3],
        repeated=base[0, 0, :2].expand(3, 2), one_row=base[:1].transpose(0, 1), scalar=base[1, 2, 3],
        zero=torch.tensor(2.5), empty=torch.zeros(0, 4), empty_view=base[2:],
        parameter=torch.nn.Parameter(base.half().permute(1, 2, 0)),
    )
    save("views.bin", views, views)

    module = torch.nn.Sequential(torch.nn.Linear(3, 2), torch.nn.BatchNorm1d(2), torch.nn.Embedding(4, 3)).state_dict()
    assert module._metadata
    save("module.bin", module, module)
    for protocol in (3, 4, 5):
        save(f"protocol{protocol}.bin", module, module, protocol=protocol)

    training = {
        "epoch": 3, "state_dict": module, "loss": 0.25, "name": "modèle", "best": True, "seed": 2**70, "step": -(2**40),
        "nothing": None, "history": [1, 2], "optimizer": {"state": {0: {"momentum": torch.zeros(3)}}},
        "size": module["0.weight"].shape,
        "order": collections.OrderedDict(a=1),
    }
    metadata = {
        "epoch": "3", "loss": "0.25", "name": "modèle", "best": "true", "seed": "an integer of 9 bytes",
        "step": "-1099511627776",
    }
    left_out = ["history", "optimizer", "size", "order"]
    save("training.pt", training, module, key="state_dict", metadata=metadata, left_out=left_out)

    parts = {"encoder": {"w": torch.ones(2)}, "decoder": {"layers": {0: torch.zeros(1), 1: torch.ones(1)}}}
    flat = {"encoder.w": torch.ones(2), "decoder.layers.0": torch.zeros(1), "decoder.layers.1": torch.ones(1)}
    save("nested.pt", {"model": parts}, flat, key="model")

    mixed = {"w": torch.ones(1), "model": {"v": torch.zeros(1)}, "epoch": 1}
    save("mixed.pt", mixed, {"w": torch.ones(1), "model.v": torch.zeros(1)}, metadata={"epoch": "1"})

    # Packed again by a zip program: compressed, and without the parts that older versions did not write.
    with zipfile.ZipFile(here / "views.bin") as source, zipfile.ZipFile(here / "packed.bin", "w") as target:
        for entry in source.infolist():
            if entry.filename.endswith(("data.pkl", "version")) or "/data/" in entry.filename:
                info = zipfile.ZipInfo(entry.filename.replace("views/", "modèle/"))
                target.writestr(info, source.read(entry), zipfile.ZIP_DEFLATED)
    expected["packed.bin"] = expected["views.bin"]
    assert torch.equal(torch.load(here / "packed.bin")["tied"], base)

    torch.save(module, here / "legacy.pt", _use_new_zipfile_serialization=False)
    torch.jit.script(torch.nn.Linear(2, 1)).save(here / "script.pt")


def text(value):
    return b"X" + struct.pack("<I", len(value.encode())) + value.encode()


def integer(value):
    data = pickle.encode_long(value)
    return b"\x8a" + bytes([len(data)]) + data


def storage(kind="FloatStorage", key="0", count=6, what="storage"):
    return b"(" + text(what) + b"ctorch\n" + kind.encode() + b"\n" + text(key) + text("cpu") + integer(count) + b"tQ"


def tensor(where=None, offset=0, shape=(2, 3), strides=(3, 1)):
    def row(values):
        return b"(" + b"".join(integer(value) for value in values) + b"t"

    return (
        b"ctorch._utils\n_rebuild_tensor_v2\n(" + (where or storage()) + integer(offset) + row(shape) + row(strides)
        + b"\x89ccollections\nOrderedDict\n)RtR"
    )


def state(*values):
    body = b"".join(text(f"w{index}") + value for index, value in enumerate(values))
    return b"\x80\x02}(" + body + b"u."


class Call:
    def __init__(self, function, *arguments):
        self.function, self.arguments = function, arguments

    def __reduce__(self):
        return self.function, self.arguments


def hostile_pickles():
    """Pickles beside one storage `0` of six float32: each with what the error must say."""
    import os

    big = 2**62
    levels = b"}q\x00" + text("w") + tensor() + b"s" + b"".join(
        b"0}q" + bytes([n]) + b"(" + text("a") + b"h" + bytes([n - 1]) + text("b") + b"h" + bytes([n - 1]) + b"u"
        for n in range(1, 60)
    )
    cases = {
        "system": (pickle.dumps(Call(os.system, "touch executed"), 2), "`posix.system`"),
        "system in a dictionary": (pickle.dumps({"w0": Call(os.system, "true")}, 4), "`posix.system`"),
        "eval": (pickle.dumps(Call(eval, "1"), 2), "`__builtin__.eval`"),
        "eval, protocol 4": (pickle.dumps(Call(eval, "1"), 4), "`builtins.eval`"),
        "getattr": (b"\x80\x02c__builtin__\ngetattr\n.", "`__builtin__.getattr`"),
        "torch.load": (b"\x80\x02ctorch\nload\n.", "`torch.load`"),
        "torch.storage": (b"\x80\x02ctorch.storage\n_load_from_bytes\n.", "`torch.storage._load_from_bytes`"),
        "dotted name": (b"\x80\x04" + text("torch") + text("_utils.os.system") + b"\x93.", "`torch._utils.os.system`"),
        "numpy": (b"\x80\x02cnumpy.core.multiarray\n_reconstruct\n.", "`numpy.core.multiarray._reconstruct`"),
        "control characters": (b"\x80\x02ca\x1b[31m\nb\x00\xff\n.", "`a\\u{1B}[31m.b\\0\\u{FFFD}`"),
        "long name": ([(b"\x80\x02c", 1), (b"m", 5000), (b"\nx\n.", 1)], "m…"),
        "endless name": (b"\x80\x02cos", "cut off"),
        "name that is a number": (b"\x80\x04K\x01K\x02\x93.", "not text"),
        "complex": (state(tensor(storage("ComplexFloatStorage"))), "`torch.ComplexFloatStorage`"),
        "untyped": (state(tensor(storage("UntypedStorage"))), "`torch.UntypedStorage`"),
        "instance": (b"\x80\x02(ios\nsystem\n.", "0x69 ('i')"),
        "object": (b"\x80\x02(cos\nsystem\no.", "`os.system`"),
        "new object with keywords": (b"\x80\x04ccollections\nOrderedDict\n)}\x92.", "0x92"),
        "extension": (b"\x80\x02\x82\x01.", "0x82"),
        "text reference": (b"\x80\x02P0\n.", "0x50 ('P')"),
        "old integer": (b"\x80\x02I1\n.", "0x49 ('I')"),
        "protocol 6": (b"\x80\x06N.", "protocol 6"),
        "call of a list": (b"\x80\x02])R.", "not a function"),
        "call of a dictionary": (b"\x80\x02ccollections\nOrderedDict\n)R)R.", "not a function"),
        "storage made in place": (b"\x80\x02ctorch\nFloatStorage\n)R.", "inside the pickle"),
        "dictionary of arguments": (b"\x80\x02ccollections\nOrderedDict\n]\x85R.", "with arguments"),
        "size of a number": (b"\x80\x02ctorch\nSize\nK\x01\x85R.", "torch.Size"),
        "parameter of a number": (b"\x80\x02ctorch._utils\n_rebuild_parameter\nK\x01\x88]\x87R.", "not a tensor"),
        "attributes of a list": (b"\x80\x02]}b.", "not a dictionary"),
        "attributes of a tensor": (state(tensor() + b"}b"), "not a dictionary"),
        "other reference": (state(tensor(storage(what="module"))), "not a storage"),
        "storage of text": (state(tensor(b"(" + text("storage") * 5 + b"tQ")), "not a storage"),
        "empty stack": (b"\x80\x02.", "0 values"),
        "two values": (b"\x80\x02NN.", "2 values"),
        "no end": (b"\x80\x02N", "cut off"), "nothing": (b"", "cut off"),
        "pop of nothing": (b"\x80\x020.", "empty stack"), "pop below a mark": (b"\x80\x02N(R.", "takes 2 values"),
        "reference below a mark": (b"\x80\x02N(Q.", "empty stack"),
        "no mark": (b"\x80\x02Nt.", "none was set"), "odd members": (b"\x80\x02}(Nu.", "without a value"),
        "key of a list": (b"\x80\x02]NNs.", "not a dictionary"),
        "append to a dictionary": (b"\x80\x02}Na.", "not a list"),
        "memo of nothing": (b"\x80\x02q\x00.", "stack is empty"),
        "memo that was not set": (b"\x80\x02h\x07.", "value 7"),
        "text beyond the end": (b"\x80\x02X\xff\xff\xff\xff.", "4294967295 bytes, 1 are left"),
        "text of 2**63 bytes": (b"\x80\x04\x8d" + struct.pack("<Q", 2**63) + b".", "length of 9223372036854775808"),
        "negative length": (b"\x80\x02\x8b" + struct.pack("<i", -5) + b".", "length of -5"),
        "frame beyond the end": (b"\x80\x04\x95" + struct.pack("<Q", 2**63) + b"N.", "frame"),
        "huge number": (state(tensor(offset=2**2000)), "not made of a storage"),
        "huge count": (state(tensor(storage(count=2**63 - 1))), "of 9223372036854775807 F32 holds 24 bytes"),
        "negative count": (state(tensor(storage(count=-6))), "holds 24 bytes"),
        "count too low": (state(tensor(storage(count=5), shape=(1,), strides=(1,))), "of 5 F32 holds 24 bytes"),
        "count too high": (state(tensor(storage(count=7))), "of 7 F32 holds 24 bytes"),
        "wider type": (state(tensor(storage("DoubleStorage"))), "of 6 F64 holds 24 bytes"),
        "no such storage": (state(tensor(storage(key="1"))), "data/1 is not in the archive"),
        "path as a storage": (state(tensor(storage(key="../data.pkl"))), "data/../data.pkl is not in the archive"),
        "offset": (state(tensor(offset=1)), "outside"), "negative offset": (state(tensor(offset=-1)), "outside"),
        "huge offset": (state(tensor(offset=2**63 - 1)), "outside"),
        "shape": (state(tensor(shape=(3, 3))), "outside"), "stride": (state(tensor(strides=(4, 1))), "outside"),
        "negative stride": (state(tensor(offset=5, strides=(-3, -1))), "outside"),
        "huge stride": (state(tensor(strides=(big, 1))), "outside"),
        "huge stride of a single element": (state(tensor(None, 1, (1, 2, 2), (2**63 - 1, 1, 2))), ""),
        "overflowing strides": (state(tensor(shape=(5, 3), strides=(big, 1))), "outside"),
        "negative extent": (state(tensor(shape=(-2, 3))), "negative or too large"),
        "two negative extents": (state(tensor(shape=(-2, -3))), "negative or too large"),
        "overflowing shape": (state(tensor(shape=(big, big), strides=(0, 0))), "negative or too large"),
        "repetition bomb": (state(tensor(shape=(2**40, 3), strides=(0, 1))), "repeats elements"),
        "many repetitions": (state(*[tensor(shape=(50_000, 3), strides=(0, 1))] * 4), "repeats elements"),
        "too few strides": (state(tensor(strides=(1,))), "one of each"),
        "65 axes": (state(tensor(shape=(1,) * 65, strides=(1,) * 65)), "not made of a storage"),
        "shape of text": (state(tensor().replace(integer(2), text("2"))), "not made of a storage"),
        "memo bomb": ([(b"\x80\x02N", 1), (b"\x94", 1_000_000), (b".", 1)], "48 MiB"),
        "stack bomb": ([(b"\x80\x02", 1), (b"]", 1_000_000), (b".", 1)], "48 MiB"),
        "tuple bomb": ([(b"\x80\x02)", 1), (b"\x85", 1_000_000), (b".", 1)], "48 MiB"),
        "mark bomb": ([(b"\x80\x02", 1), (b"(", 4_000_000), (b".", 1)], "48 MiB"),
        "tensor bomb": (
            [(b"\x80\x02" + tensor(shape=(1,) * 64, strides=(0,) * 64)[:-1] + b"q\x010q\x000", 1),
             (b"h\x00h\x01R", 100_000), (b".", 1)], "48 MiB"),
        "deep": (
            [(b"\x80\x02}", 1), (text("a") + b"}", 20_000), (text("w") + tensor(), 1), (b"s", 20_001), (b".", 1)],
            "nested deeper"),
        "deep tuples": (
            [(b"\x80\x02}" + text("w") + tensor() + b"s" + text("deep") + b")", 1), (b"\x85", 100_000), (b"s.", 1)],
            ""),
        "exponential": (b"\x80\x02" + levels + b".", "nested deeper"),
        "dictionary in itself": (
            b"\x80\x02}q\x00" + text("a") + b"h\x00s" + text("w") + tensor() + b"s.", "two places"),
        "shared dictionaries": (
            b"\x80\x02}(" + text("a") + b"}q\x00" + text("w") + tensor() + b"s" + text("b") + b"h\x00u.",
            "two places"),
        "list in itself": (b"\x80\x02]q\x00h\x00a.", "expected a dictionary"),
        "no dictionary": (b"\x80\x02" + tensor() + b".", "a single tensor"),
        "no tensors": (b"\x80\x02}" + text("state_dict") + b"}s.", "no tensors"),
        "same name": (b"\x80\x02}(" + (text("w") + tensor()) * 2 + b"u.", "two tensors"),
        "key that is not UTF-8": (b"\x80\x02}X\x01\x00\x00\x00\xff" + tensor() + b"s.", "text as a key"),
        "key of None": (b"\x80\x02}N" + tensor() + b"s.", "None as a key"),
    }
    return cases


def hostile_archives():
    """Whole files: each with what the error must say."""
    pkl, data = state(tensor()), struct.pack("<6f", *range(6))

    def archive(*entries, change=None):
        buffer = io.BytesIO()
        with zipfile.ZipFile(buffer, "w") as file:
            for name, content in entries:
                info = name if isinstance(name, zipfile.ZipInfo) else zipfile.ZipInfo(name)
                file.writestr(info, content, info.compress_type)
        return change(buffer.getvalue()) if change else buffer.getvalue()

    good = [("a/data.pkl", pkl), ("a/byteorder", b"little"), ("a/data/0", data), ("a/version", b"3\n")]

    def link():
        info = zipfile.ZipInfo("a/data/0")
        info.create_system, info.external_attr = 3, 0o120777 << 16
        return info

    def deflated(name):
        info = zipfile.ZipInfo(name)
        info.compress_type = zipfile.ZIP_DEFLATED
        return info

    def in_directory(old, new, count=-1):
        """Replaces bytes in the central directory alone."""
        def change(whole):
            start = whole.index(b"PK\x01\x02")
            return whole[:start] + whole[start:].replace(old, new, count)
        return change

    def named_twice(whole):
        return whole.replace(b"a/data/x", b"a/data/0")

    def encrypted(whole):
        """Sets the flag in all headers."""
        for header in (b"PK\x03\x04\x14\0", b"PK\x01\x02\x14\x03\x14\0"):
            whole = whole.replace(header + b"\0", header + b"\1")
        return whole

    def declared_as(size):
        """Replaces the size of a MiB in all headers."""
        return lambda whole: whole.replace(struct.pack("<I", 1 << 20), struct.pack("<I", size))

    size = struct.pack("<II", len(data), len(data))
    cases = {
        "fine": (archive(*good), ""),
        "no pickle": (archive(*good[1:]), "0 files NAME/data.pkl"),
        "two pickles": (archive(*good, ("b/data.pkl", pkl)), "2 files NAME/data.pkl"),
        "pickle without a directory": (archive(("data.pkl", pkl)), "0 files"),
        "pickle too deep": (archive(("a/b/data.pkl", pkl)), "1 files"),
        "big-endian": (archive(good[0], ("a/byteorder", b"big"), *good[2:]), "byte order"),
        "TorchScript": (archive(*good, ("a/constants.pkl", b"")), "TorchScript"),
        "parent": (archive(*good, ("a/../../x", b"")), "unsafe name"),
        "absolute": (archive(*good, ("/etc/passwd", b"")), "unsafe name"),
        "backslash": (archive(*good, ("a\\..\\x/y", b"")), "unsafe name"),
        "link": (archive(good[0], (link(), "/etc/passwd")), "not followed"),
        "same name": (archive(*good, ("a/data/x", b""), change=named_twice), "two files"),
        "encrypted": (archive(*good, change=encrypted), "encrypted"),
        "bomb": (archive(good[0], (deflated("a/data/0"), bytes(1 << 20))), "declares 1048576 bytes"),
        "more than declared": (
            archive(good[0], (deflated("a/data/0"), bytes(1 << 20)), change=declared_as(24)), "declares 24 bytes, holds"),
        "large declared": (archive(*good, change=in_directory(size, struct.pack("<II", 2**31, 2**31))), "2147483648"),
        "overlapping": (archive(*good, ("a/data/1", data), change=overlap), "overlap"),
        "checksum of the pickle": (archive(*good, change=lambda file: file.replace(b"w0", b"w1")), "CRC"),
        "one stream many times": (chain(pkl), "overlap those of another entry"),
        "not a zip": (b"PK\x03\x04" + bytes(60), "zip"),
        "text": (b"hello", "not a zip"),
        "empty": (b"", "not a zip"),
        "bare pickle": (pickle.dumps({"a": 1}, 2), "bare pickle"),
    }
    return cases


def overlap(whole):
    """Lets two entries of the directory lead to the same bytes, under their own local headers."""
    directory = whole.index(b"PK\x01\x02")
    header = whole.index(b"a/data/1") - 30
    # The local header of a/data/1 moves into the extra field of a/data/0: both are followed by the same bytes.
    first = whole.index(b"a/data/0") - 30
    moved = whole[header:header + 38]
    local = whole[first:first + 28] + struct.pack("<H", 4 + len(moved)) + whole[first + 30:first + 38]
    inserted = local + struct.pack("<HH", 0x7072, len(moved)) + moved
    body = whole[:first] + inserted + whole[first + 38:directory]
    shift = len(inserted) - 38
    tail = bytearray(whole[directory:])
    position = 0
    while tail[position:position + 4] == b"PK\x01\x02":
        length, extra, comment = struct.unpack_from("<HHH", tail, position + 28)
        name = bytes(tail[position + 46:position + 46 + length])
        offset, = struct.unpack_from("<I", tail, position + 42)
        if name == b"a/data/1":
            offset = first + 38 + 4
        elif offset > first:
            offset += shift
        struct.pack_into("<I", tail, position + 42, offset)
        position += 46 + length + extra + comment
    struct.pack_into("<I", tail, position + 16, directory + shift)
    return body + bytes(tail)


def chain(pkl):
    """Twenty entries whose local headers lie in each other's extra fields, before one stream: 5 kB that give one byte."""
    packer = zlib.compressobj(wbits=-15)
    last = packer.compress(b"x") + packer.flush()
    empty = (b"\0\0\0\xff\xff", 1000)
    entries = [("a/data.pkl", pkl, 0, len(pkl), zlib.crc32(pkl))]
    entries += [(f"a/data/{index}", b"", 8, 5000 + len(last), zlib.crc32(b"x")) for index in range(10, 30)]
    headers, directory, offset = b"", b"", 0
    for name, data, method, size, checksum in entries:
        count = 1 if method else size
        fields = struct.pack("<HHHHIIIH", 0, method, 0, 0, checksum, size, count, len(name))
        # All that lies between this name and the stream is this entry's extra field: one record.
        inside = (29 - int(name[-2:])) * (30 + len(name) + 4) if method else 0
        extra = struct.pack("<HH", 0x7072, inside) if method else b""
        length = len(extra) + inside
        headers += b"PK\x03\x04\x14\0" + fields + struct.pack("<H", length) + name.encode() + extra + data
        directory += b"PK\x01\x02\x14\0\x14\0" + fields + struct.pack("<HHHHII", 0, 0, 0, 0, 0, offset) + name.encode()
        offset = len(headers)
    start = len(headers) + 5000 + len(last)
    end = b"PK\x05\x06" + struct.pack("<HHHHIIH", 0, 0, len(entries), len(entries), len(directory), start, 0)
    return [(headers, 1), empty, (last + directory + end, 1)]


def repeated(cases):
    """Each case as runs of [bytes, times], so that bombs are small."""
    listed = []
    for name, (data, problem) in cases.items():
        runs = data if isinstance(data, list) else [(data, 1)]
        runs = [[base64.b64encode(part).decode(), times] for part, times in runs]
        listed.append({"name": name, "runs": runs, "problem": problem})
    return listed


honest()
(here / "expected.json").write_text(json.dumps(expected, ensure_ascii=False))
hostile = {"pickles": repeated(hostile_pickles()), "archives": repeated(hostile_archives())}
(here / "hostile.json").write_text(json.dumps(hostile, indent=0))
