"""Weights of nnx."""
