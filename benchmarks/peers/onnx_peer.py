"""ONNX Runtime on the CPU, for the network that PyTorch exports or this library does."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import Any

import onnxruntime

import nn
from benchmarks.contest import NotHereError
from benchmarks.peers import ours, work
from benchmarks.timing import Step


def lenet_inference(batch: int, threads: int) -> Step:
    if not hasattr(nn, "export_onnx"):
        raise NotHereError("this library can't export ONNX")
    net = ours._net(threads)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "lenet.onnx"
        nn.export_onnx(net, path, (1, 28, 28))
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = threads
        session = onnxruntime.InferenceSession(path, options, providers=["CPUExecutionProvider"])
    images, _ = work.digits(batch)
    name = session.get_inputs()[0].name

    def step() -> Any:
        return session.run(None, {name: images})[0]

    return step
