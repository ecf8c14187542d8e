"""Weights of cudnn."""
