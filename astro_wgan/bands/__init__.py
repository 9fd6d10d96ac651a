"""Bands of stamps: names, wavelengths, zero points, PSFs, and combinations."""
