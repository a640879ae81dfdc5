"""Writes the small files in formats/ that FormatsTests reads: the other side's libraries made them, not ours.

Python 3.11, numpy 2.4.6, h5py 3.16.0, safetensors 0.8.0, onnx 1.23.2, ml_dtypes 0.6.0.
Run: python Tests/Golden/formats.py
"""

import pathlib

import h5py
import ml_dtypes
import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper
from safetensors.numpy import save_file

here = pathlib.Path(__file__).parent / "formats"
here.mkdir(exist_ok=True)


def write_safetensors():
    save_file(
        {
            "f64": np.array([1.5, -2.25], np.float64),
            "f32": np.arange(6, dtype=np.float32).reshape(2, 3) / 4,
            "f16": np.array([1.0, -0.333251953125, 65504.0, 6e-8], np.float16),
            "bf16": np.array([1.0, -3.140625, 1e30], ml_dtypes.bfloat16),
            "i64": np.array([-(2**62)], np.int64),
            "i32": np.array([[7], [-8]], np.int32),
            "i16": np.array([-300], np.int16),
            "i8": np.array([-128, 127], np.int8),
            "u8": np.array([255], np.uint8),
            "bool": np.array([True, False]),
            "empty": np.zeros((0, 4), np.float32),
            "scalar": np.array(2.5, np.float32),
            'name "quoted" \\ é': np.array([9], np.uint8),
        },
        here / "tiny.safetensors",
        metadata={"format": "np", "note": "line\nbreak \U0001f600"},
    )


def write_hdf5():
    with h5py.File(here / "tiny.h5", "w", track_order=False) as file:
        file.attrs["name"] = np.bytes_("tiny é".encode())
        file.attrs["version"] = np.int32(3)
        file.attrs["temperature"] = np.float32(2.5)
        group = file.create_group("layer")
        group.create_dataset("weight", data=np.arange(12, dtype=np.float32).reshape(4, 3))
        group.create_dataset("half", data=np.array([1.0, -2.0, 65504.0], np.float16))
        file.create_dataset("ids", data=np.array([-1, 2**40], np.int64))
        file.create_dataset("small", data=np.array([[-5], [6]], np.int32))
        file.create_dataset("keys", data=np.array([2**64 - 1], np.uint64))
        file.create_dataset("bytes", data=np.array([0, 255], np.uint8))
        file.create_dataset(
            "packed", data=np.arange(600, dtype=np.int32).reshape(200, 3), chunks=(64, 3), compression="gzip",
            shuffle=True, fletcher32=True, maxshape=(None, 3),
        )
        file.create_dataset("none", data=np.zeros((0, 5), np.float32))


def write_hostile_hdf5():
    """Datasets and links that must be refused, each named for its trick."""
    with h5py.File(here / "hostile.h5", "w") as file:
        file.create_dataset("fine", data=np.array([1.0], np.float32))
        file.create_dataset("external_storage", shape=(4,), dtype="f4", external=[("/etc/hostname", 0, 16)])
        file["external_link"] = h5py.ExternalLink("tiny.h5", "/layer")
        file["soft_link"] = h5py.SoftLink("/fine")
        file["dangling"] = h5py.SoftLink("/nowhere")
        layout = h5py.VirtualLayout(shape=(4, 3), dtype="f4")
        layout[:] = h5py.VirtualSource("tiny.h5", "layer/weight", shape=(4, 3))
        file.create_virtual_dataset("virtual", layout)
        file.create_dataset("lzf", data=np.zeros(1000, np.float32), compression="lzf")
        file.create_dataset("contiguous_bomb", shape=(1 << 40,), dtype="f4")
        file.create_dataset("chunked_bomb", shape=(1 << 40,), dtype="f4", chunks=(1024,), compression="gzip")
        bomb = file.create_dataset("written_bomb", shape=(1 << 40,), dtype="f4", chunks=(1024,), compression="gzip")
        bomb[0] = 1
        file.create_dataset("overflow", shape=(1 << 62, 8), dtype="f4", chunks=(1024, 8))
        file.create_dataset("chunk_bomb", shape=(1,), maxshape=(None,), dtype="f4", chunks=(1 << 29,))
        file.create_dataset("big_endian", data=np.array([1.0], ">f4"))
        file.create_dataset("string", data=np.array([b"abc"]))
        file.create_dataset("null", data=h5py.Empty("f4"))
        file["loop"] = file["/"]
        file["group/inner"] = np.array([1], np.int32)
        file.attrs["variable"] = "a variable-length string"
        file.attrs["array"] = np.arange(3)
        file.attrs["too_large"] = np.uint64(2**63)


def write_onnx():
    weight = np.arange(6, dtype=np.float32).reshape(3, 2) / 2
    initializers = [
        numpy_helper.from_array(weight, "weight"),
        helper.make_tensor("typed_f32", TensorProto.FLOAT, [2], [1.5, -2.5]),
        helper.make_tensor("typed_f64", TensorProto.DOUBLE, [1], [0.1]),
        helper.make_tensor("typed_i64", TensorProto.INT64, [2], [2, -1]),
        helper.make_tensor("typed_i32", TensorProto.INT32, [], [-7]),
        helper.make_tensor("typed_i8", TensorProto.INT8, [2], [-128, 127]),
        helper.make_tensor("typed_u8", TensorProto.UINT8, [1], [200]),
        helper.make_tensor("typed_f16", TensorProto.FLOAT16, [2], [1.0, -0.5]),
        helper.make_tensor("typed_u64", TensorProto.UINT64, [1], [2**64 - 1]),
        helper.make_tensor("typed_bool", TensorProto.BOOL, [2], [True, False]),
    ]
    nodes = [
        helper.make_node("MatMul", ["x", "weight"], ["product"], name="multiply"),
        helper.make_node(
            "Gelu", ["product"], ["y"], name="activate", domain="com.microsoft", exact=1, scale=0.5, kind="tanh",
            axes=[0, -1], weights=[0.25, 0.75], names=["a", "b"], table=numpy_helper.from_array(np.array([3], np.int8)),
        ),
    ]
    graph = helper.make_graph(
        nodes, "tiny", [helper.make_tensor_value_info("x", TensorProto.FLOAT, ["batch", 3])],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, ["batch", 2])], initializers,
    )
    opsets = [helper.make_opsetid("", 17), helper.make_opsetid("com.microsoft", 1)]
    model = helper.make_model(graph, opset_imports=opsets, ir_version=8, producer_name="onnx.helper")
    helper.set_model_props(model, {"task": "test"})
    onnx.save(model, here / "tiny.onnx")

    external = onnx.ModelProto()
    external.CopyFrom(model)
    tensor = external.graph.initializer[0]
    tensor.data_location = TensorProto.EXTERNAL
    tensor.external_data.add(key="location", value="../../etc/passwd")
    tensor.ClearField("raw_data")
    onnx.save(external, here / "external.onnx")

    four_bits = onnx.ModelProto()
    four_bits.CopyFrom(model)
    four_bits.graph.initializer.append(helper.make_tensor("int4", TensorProto.INT4, [2], [1, -1]))
    onnx.save(four_bits, here / "int4.onnx")


write_safetensors()
write_hdf5()
write_hostile_hdf5()
write_onnx()
