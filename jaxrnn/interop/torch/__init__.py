"""Weights of torch."""
