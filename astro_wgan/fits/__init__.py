"""FITS files and headers, checked before astropy reads them."""
