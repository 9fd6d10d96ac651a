"""What FITS files of stamps hold besides pixels: the table, parent images, PSFs and metadata."""

import json

import numpy as np
from astropy import units as u
from astropy.io import fits

from astro_wgan.astrometry.parent_text import parent_from_text, parent_text
from astro_wgan.astrometry.stamp_geometry import StampGeometry
from astro_wgan.bands.band import Band
from astro_wgan.catalogs.result_files.fits_tables import (
    DESCRIPTION,
    array_column,
    column_values,
    table_from_hdus,
    table_hdus,
)
from astro_wgan.exceptions import ImageError
from astro_wgan.files.json_text import load_json
from astro_wgan.files.limits import check_unit_text
from astro_wgan.fits.text_hdus import text_hdu, text_of_hdu
from astro_wgan.store.schema import meta_from_text, meta_text, unit_text

__all__ = ['StampHDUs', 'described_hdus']

#: Names of extensions: the table of stamps, their parent images, and what they have in common.
TABLE, PARENTS, COMMON, META = 'STAMPS', 'PARENTS', 'STAMPS_JSON', 'META_YAML'

_VERSION = 1


def described_hdus(stamps, columns, about):
    """
    All but the pixels of stamps, as extensions of a FITS file.

    Parameters
    ----------
    stamps : `~astro_wgan.StampSet`
    columns : list of `~astropy.io.fits.Column`
        Columns with the pixels, for files that hold them in the table.
    about : dict
        Where the pixels are, as plain values.

    Returns
    -------
    list of HDU
    """
    geometry = stamps.geometry
    used, parent = np.unique(geometry.parent, return_inverse=True)
    texts = [parent_text(geometry.parents[number]) for number in used]
    different = {text: number for number, text in enumerate(dict.fromkeys(texts))}
    numbers = np.array([different[text] for text in texts], dtype=np.int32)[parent.reshape(-1)]
    place = [
        array_column('parent_number', numbers.astype(np.int32)),
        array_column('corner_x', geometry.corner[:, 0]),
        array_column('corner_y', geometry.corner[:, 1]),
    ]
    if geometry.step is not None:
        place.append(array_column('parent_pixels', np.asarray(geometry.step, dtype=float)))
    place = _renamed(place, {column.name.lower() for column in columns} | _names(stamps.table))
    # First, since `table_hdus` gives the table's own columns other names where they disagree.
    hdus = table_hdus(stamps.table, TABLE, columns=[*columns, *place])
    psfs = [] if stamps.psf is None else [fits.ImageHDU(stamps.psf, name='PSF')]
    for k, band in enumerate(stamps.bands):
        if band.psf is not None:
            psfs.append(fits.ImageHDU(band.psf, name=f'PSF_{k}'))
    scale = stamps.pixel_scale
    common = {
        'version': _VERSION,
        'unit': unit_text(stamps.unit),
        'pixel_scale': None if scale is None else float(scale.value),
        'bands': [band.to_dict() for band in stamps.bands],
        'dtype': stamps.pixels.dtype.str[1:],
        'place': [column.name for column in place],
        **about,
    }
    others = [text_hdu(PARENTS, '\n'.join(different)), *psfs]
    if stamps.meta:
        others.append(text_hdu(META, meta_text(stamps.meta)))
    # By which a file that lacks some of its end is recognized.
    common['extensions'] = [hdu.name for hdu in others]
    return [*hdus, *others, text_hdu(COMMON, json.dumps(common))]


class StampHDUs:
    """
    The extensions of a file that `described_hdus` made, and what they say.

    Parameters
    ----------
    hdulist : `~astropy.io.fits.HDUList`
    where : str
        Name of the file, for errors.

    Attributes
    ----------
    table : `~astropy.io.fits.BinTableHDU`
    about : dict
        What was given as ``about``, and the unit and dtype.
    """

    def __init__(self, hdulist, where):
        self._hdulist, self._where = hdulist, where
        self.table = self._hdu(TABLE)
        self.about = load_json(text_of_hdu(self._hdu(COMMON), where))
        if not isinstance(self.about, dict) or type(self.about.get('version')) is not int:
            raise ImageError(f'The extension {COMMON} of {where} is damaged.')
        if self.about['version'] > _VERSION:
            raise ImageError(
                f'{where} was written by a later version of this package (format '
                f'{self.about["version"]}; this version reads up to {_VERSION}): update it.'
            )

    @staticmethod
    def are_in(hdulist):
        """Whether a file was written by this package."""
        return {TABLE, COMMON} <= {hdu.name for hdu in hdulist}

    def _hdu(self, name):
        for hdu in self._hdulist:
            if hdu.name == name and (name.startswith('PSF') or isinstance(hdu, fits.BinTableHDU)):
                return hdu
        raise ImageError(f'{self._where} lacks the extension {name}.')

    def arguments(self):
        """
        Arguments of `~astro_wgan.StampSet`, except for pixels, uncertainty and mask.

        Returns
        -------
        dict
        """
        about, where = self.about, self._where
        names = about['extensions']
        if about['unit'] is not None:
            check_unit_text(about['unit'])
        bands = [
            Band.from_dict(band, psf=self._psf(f'PSF_{k}') if f'PSF_{k}' in names else None)
            for k, band in enumerate(about['bands'])
        ]
        scale, meta = about['pixel_scale'], {}
        if META in names:
            meta = meta_from_text(text_of_hdu(self._hdu(META), where))
        return {
            'unit': about['unit'],
            'pixel_scale': None if scale is None else scale * u.arcsec / u.pix,
            'psf': self._psf('PSF') if 'PSF' in names else None,
            'bands': bands or None,
            'geometry': self._geometry(),
            'table': table_from_hdus(self.table, self._hdu(DESCRIPTION), where),
            'meta': meta,
        }

    def _psf(self, name):
        data = self._hdu(name).data
        if data is None:
            raise ImageError(f'The extension {name} of {self._where} has no image.')
        return np.asarray(data, dtype=float)

    def _geometry(self):
        number, *place = (column_values(self.table, name) for name in self.about['place'])
        texts = text_of_hdu(self._hdu(PARENTS), self._where)
        parents = tuple(parent_from_text(text) for text in texts.split('\n') if text)
        if len(number) and not 0 <= number.min() <= number.max() < len(parents):
            raise ImageError(
                f'{self._where} is damaged: parent images must be from 0 to {len(parents) - 1}; '
                f'got {number.min()} to {number.max()}.'
            )
        step = place[2] if len(place) > 2 else None
        if not all(np.isfinite(values).all() for values in place) or np.any(
            step is not None and step <= 0
        ):
            raise ImageError(f'{self._where} is damaged: the places of its stamps are no numbers.')
        return StampGeometry(parents, number.astype(np.int64), np.column_stack(place[:2]), step)


def _names(table):
    return {name.lower() for name in table.colnames}


def _renamed(columns, taken):
    """Columns with names that the table of the stamps does not have."""
    for column in columns:
        while column.name.lower() in taken:
            column.name = f'{column.name}_'
    return columns
