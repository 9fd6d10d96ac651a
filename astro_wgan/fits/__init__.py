"""FITS files and headers: validation before reading, header cards, tables."""
