"""Weights of linen."""
