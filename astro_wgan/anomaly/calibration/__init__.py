"""Calibration on normal stamps: brightness trends, p-values, thresholds and drift."""
