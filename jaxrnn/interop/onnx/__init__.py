"""Weights of onnx."""
