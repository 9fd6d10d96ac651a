"""A merger of two disk galaxies, simulated in seconds."""
