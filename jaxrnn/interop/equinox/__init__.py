"""Weights of equinox."""
