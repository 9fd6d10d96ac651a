"""Detectors and simulated populations that several experiments compare."""
