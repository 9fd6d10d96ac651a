"""`ImageData`: CCDData whose metadata may be anything, and can be written nevertheless."""

from astropy.nddata import CCDData

from astro_wgan.images.cards import as_header

__all__ = ['ImageData']


class ImageData(CCDData):
    """
    A `~astropy.nddata.CCDData` that can be written as FITS whatever its ``meta`` holds.

    FITS headers hold neither NaN nor characters beyond ASCII, and CCDData does not write long
    names of numbers. ``meta`` stays as it is in memory; what is written are the cards that
    `~astro_wgan.images.cards.as_header` makes of it.
    """

    def to_hdu(self, *args, **kwargs):
        """As that of `~astropy.nddata.CCDData`."""
        taken = () if self.wcs is None else self.wcs.to_header(relax=True)
        plain = CCDData(
            self.data,
            unit=self.unit,
            mask=self.mask,
            uncertainty=self.uncertainty,
            flags=self.flags,
            wcs=self.wcs,
            psf=self.psf,
            meta=as_header(self.meta, taken=taken),
        )
        return plain.to_hdu(*args, **kwargs)
