"""Stamps in several bands: from an image of each on the pixels of one, and stacks of bands."""
