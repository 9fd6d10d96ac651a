"""`ImageData`: CCDData that can be written to FITS with any metadata."""

from astropy.nddata import CCDData

from astro_wgan.astrometry.lookup_tables import has_tables
from astro_wgan.fits.header_cards import as_header
from astro_wgan.fits.wcs_cards import only_tables

__all__ = ['ImageData']


class ImageData(CCDData):
    """
    A `~astropy.nddata.CCDData` that can be written to FITS with any ``meta``.

    FITS headers have neither NaN nor non-ASCII characters, and CCDData does not write numbers with
    long names. ``meta`` is not changed in memory, but written as the cards made by
    `~astro_wgan.fits.header_cards.as_header`. Lookup tables of distortions, which CCDData ignores,
    are written as extensions.
    """

    def to_hdu(self, *args, **kwargs):
        """As in `~astropy.nddata.CCDData`."""
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
        hdulist = plain.to_hdu(*args, **kwargs)
        if self.wcs is not None and has_tables(self.wcs):
            tables = self.wcs.to_fits(relax=True)
            hdulist[0].header.extend(only_tables(tables[0].header))
            for table in tables[1:]:
                hdulist.append(table)
        return hdulist
