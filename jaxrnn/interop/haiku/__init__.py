"""Weights of haiku."""
