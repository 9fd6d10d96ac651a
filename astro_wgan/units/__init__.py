"""Units of pixels: parsing of BUNIT, and conversion of pixel sums to flux."""
