"""Recurrent networks in JAX: pure-function cells, swappable engines, entropies and metrics."""
