"""Models as ONNX files, for other programs to run."""

from nn.exporting.export import export_onnx
from nn.exporting.graph import OnnxGraph, onnx_rule

__all__ = ["OnnxGraph", "export_onnx", "onnx_rule"]
