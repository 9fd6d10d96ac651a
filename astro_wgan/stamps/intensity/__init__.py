"""Intensities of pixels: whether they were stretched before, and colors from several bands."""
