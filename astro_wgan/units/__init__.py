"""Units of pixels: BUNIT, surface brightness, and flux from sums of pixels."""
