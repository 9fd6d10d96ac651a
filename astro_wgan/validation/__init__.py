"""Conversion and validation of arrays, masks and indices."""
