"""Times an exported encoder in ONNX Runtime or OpenVINO, in 8-bit integers; prints one JSON object.

    python int8.py MODEL.onnx WORKLOAD --runtime onnxruntime|openvino --form FORM [--threads N] [--folder DIR]

MODEL.onnx is a float32 encoder that takes input_ids and attention_mask. WORKLOAD is encode-1 or encode-32: so many texts of 128 tokens.

FORM  float32     the model as it is
      dynamic     ONNX Runtime's dynamic quantization
      fused       the same after its transformer optimizer has fused attention and layer norms
      static      its static quantization, QDQ, a scale per output channel
      int8        OpenVINO's: post-training quantization by NNCF

The quantized file is kept in DIR and made once. Needs onnxruntime and onnx, or openvino and nncf.
"""

import argparse
import json
import os
import pathlib
import resource
import statistics
import time

import numpy as np

TOKENS = 128
BATCHES = {"encode-1": 1, "encode-32": 32}


def batch(rng, size):
    return {
        "input_ids": rng.integers(5, 30000, (size, TOKENS), dtype=np.int64),
        "attention_mask": np.ones((size, TOKENS), np.int64),
    }


def quantized_onnx(model, form, folder):
    """The file in a form of ONNX Runtime."""
    place = folder / f"{model.stem}-{form}.onnx"
    if form == "float32" or place.exists():
        return model if form == "float32" else place
    from onnxruntime.quantization import CalibrationDataReader, QuantFormat, QuantType, quantize_dynamic, quantize_static
    from onnxruntime.quantization.shape_inference import quant_pre_process

    source = folder / f"{model.stem}-prepared.onnx"
    if form == "fused":
        from onnxruntime.transformers import optimizer

        optimizer.optimize_model(str(model), model_type="bert", num_heads=12, hidden_size=384, opt_level=0).save_model_to_file(str(source))
    else:
        quant_pre_process(str(model), str(source), skip_symbolic_shape=True)
    if form != "static":
        quantize_dynamic(str(source), str(place), weight_type=QuantType.QInt8, extra_options={"DefaultTensorType": 1})
        return place

    class Reader(CalibrationDataReader):
        def __init__(self):
            rng = np.random.default_rng(0)
            self.batches = iter([batch(rng, 4) for _ in range(4)])

        def get_next(self):
            return next(self.batches, None)

    quantize_static(
        str(source), str(place), Reader(), quant_format=QuantFormat.QDQ, activation_type=QuantType.QUInt8,
        weight_type=QuantType.QInt8, per_channel=True)
    return place


def onnxruntime_session(model, form, folder, threads):
    import onnxruntime

    place = quantized_onnx(model, form, folder)
    started = time.perf_counter()
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    session = onnxruntime.InferenceSession(str(place), options, providers=["CPUExecutionProvider"])
    loaded = time.perf_counter() - started
    return f"ONNX Runtime {onnxruntime.__version__}", (lambda inputs: session.run(None, inputs)[0]), place, loaded


def openvino_session(model, form, folder, threads):
    import openvino

    place = folder / f"{model.stem}-openvino-{form}.xml"
    if not place.exists():
        graph = openvino.Core().read_model(str(model))
        if form == "int8":
            import nncf

            rng = np.random.default_rng(0)
            graph = nncf.quantize(
                graph, nncf.Dataset([batch(rng, 2) for _ in range(8)]), model_type=nncf.ModelType.TRANSFORMER)
        openvino.save_model(graph, str(place), compress_to_fp16=False)
    started = time.perf_counter()
    compiled = openvino.Core().compile_model(
        str(place), "CPU",
        {"INFERENCE_NUM_THREADS": threads, "INFERENCE_PRECISION_HINT": "f32", "PERFORMANCE_HINT": "LATENCY"})
    request = compiled.create_infer_request()
    loaded = time.perf_counter() - started
    version = openvino.__version__.split("-")[0]
    return f"OpenVINO {version}", (lambda inputs: request.infer(inputs)[0]), place.with_suffix(".bin"), loaded


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("model", type=pathlib.Path)
    parser.add_argument("workload", choices=BATCHES)
    parser.add_argument("--runtime", choices=["onnxruntime", "openvino"], required=True)
    parser.add_argument("--form", choices=["float32", "dynamic", "fused", "static", "int8"], required=True)
    parser.add_argument("--threads", type=int, default=len(os.sched_getaffinity(0)))
    parser.add_argument("--folder", type=pathlib.Path, default=pathlib.Path("."))
    options = parser.parse_args()
    make = onnxruntime_session if options.runtime == "onnxruntime" else openvino_session
    program, run, place, loaded = make(options.model, options.form, options.folder, options.threads)
    inputs = batch(np.random.default_rng(1), BATCHES[options.workload])
    outputs = run(inputs)
    if not np.isfinite(outputs).all():
        raise SystemExit("the outputs are not finite")
    warm = time.perf_counter()
    while time.perf_counter() - warm < 1:
        run(inputs)
    times = []
    while len(times) < 30 or sum(times) < 3:
        started = time.perf_counter()
        run(inputs)
        times.append(time.perf_counter() - started)
    print(json.dumps({
        "program": program, "form": options.form, "workload": options.workload, "threads": options.threads,
        "median_ms": round(statistics.median(times) * 1e3, 3), "p99_ms": round(float(np.quantile(times, 0.99)) * 1e3, 3),
        "min_ms": round(min(times) * 1e3, 3), "max_ms": round(max(times) * 1e3, 3), "load_s": round(loaded, 3),
        "file_mb": round(place.stat().st_size / 1e6, 1),
        "peak_mb": round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024, 1),
    }))


main()
