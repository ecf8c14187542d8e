"""Weights of keras."""
