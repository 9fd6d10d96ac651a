"""Formats of files of stamps: FITS tables, FITS images and zarr, by ``read`` and ``write``."""
