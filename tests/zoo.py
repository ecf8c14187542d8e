"""Every noun of the library, each as a small instance. Adding one here earns every law."""

# --- information, objectives, metrics ---------------------------------------------------------
