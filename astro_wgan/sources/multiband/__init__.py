"""Photometry of several bands in the same apertures, and colors."""
