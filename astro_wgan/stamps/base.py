"""`Stamps`: what a set of stamps in memory and a store on disk have in common."""

from abc import abstractmethod
from base64 import b64encode
from html import escape

import numpy as np
from astropy.io.registry import UnifiedReadWriteMethod

from astro_wgan.astrometry.stamp_wcs import WCSSequence
from astro_wgan.bands.band import band_names, unnamed_bands
from astro_wgan.optional import import_optional
from astro_wgan.stamps.batches import batch_bounds, tf_dataset
from astro_wgan.stamps.derived_sets import DerivedSets
from astro_wgan.stamps.file_formats import WriteStamps
from astro_wgan.validation.id_values import id_values

__all__ = ['Stamps']

# Modules with cutouts and images are imported in the methods that use them: with them come SciPy,
# FITS and Pillow, which double the time to import `StampSet`.


class Stamps(DerivedSets):
    """
    Stamps of one size: the interface of `~astro_wgan.StampSet` and `~astro_wgan.StampStore`.

    It has a length and can be sliced: an index (an integer, a slice, row numbers, or a boolean
    array with an entry per stamp) gives a StampSet. The name of a band gives that band of all
    stamps, a list of names these bands in this order. Methods that return pixels or a StampSet read
    what they need of a store into memory.
    """

    write = UnifiedReadWriteMethod(WriteStamps)

    @abstractmethod
    def __len__(self):
        """Number of stamps."""

    @abstractmethod
    def _rows(self, rows):
        """Some stamps as a `~astro_wgan.StampSet`."""

    def __getitem__(self, index):
        """Some stamps, or one or more bands by their names, as a `~astro_wgan.StampSet`."""
        names = band_names(index)
        return self._rows(index) if names is None else self._named_bands(names)

    @property
    @abstractmethod
    def dtype(self):
        """Dtype of the pixels."""

    @property
    @abstractmethod
    def nbytes(self):
        """Bytes of pixels, uncertainty and mask in memory."""

    @property
    @abstractmethod
    def valid(self):
        """True for each pixel that may be used: finite and not masked. Shape of the pixels."""

    @property
    def ids(self):
        """The column ``id`` of the table, as an array; bytes, as of FITS files, as text."""
        return id_values(self.table['id'])

    @property
    def wcs(self):
        """One `~astropy.wcs.WCS` (or None) per stamp: a sequence that makes them on demand."""
        return WCSSequence(self.geometry, self.shape)

    @property
    def pixel_area(self):
        """
        Solid angle of the central pixel of each stamp, in arcsec**2 / pix**2; None if unknown.

        From the WCS of the stamp, or for a stamp without one from the pixel scale.
        """
        area = self.geometry.pixel_area(self.shape)
        without = ~self.geometry.has_celestial & np.isnan(area)
        if without.any() and self.pixel_scale is not None:
            area[without] = self.pixel_scale**2
        return None if without.all() and self.pixel_scale is None else area

    def __iter__(self):
        for i in range(len(self)):
            yield self[i]

    def __repr__(self):
        return f'<{type(self).__name__}: {self._summary()}>'

    def _repr_html_(self):
        """A contact sheet of some stamps, and what they are, for notebooks."""
        from astro_wgan.stamps.png import contact_sheet, sheet_png

        picture = ''
        try:
            png = b64encode(sheet_png(contact_sheet(self))).decode()
        except ValueError:
            pass  # nothing to show: no stamp, or no valid pixel
        else:
            picture = f'<img src="data:image/png;base64,{png}" alt="">'
        facts = {
            type(self).__name__: self._summary(),
            'Size': f'{self.nbytes / 1e6:.3g} MB',
            'Columns': ', '.join(self[:0].table.colnames),
        }
        rows = ''.join(
            f'<tr><th>{escape(name)}</th><td>{escape(text)}</td></tr>'
            for name, text in facts.items()
        )
        return f'<table>{rows}</table>{picture}'

    def plot(self, *, n_stamps=16, stretch=None, rgb=None, ax=None):
        """
        Show stamps that are evenly spread over the set as a contact sheet.

        Parameters
        ----------
        n_stamps : int, optional
            Number of stamps, at most.
        stretch : `~astro_wgan.stamps.Stretch`, optional
            Intensity scaling; by default it is fitted to these stamps.
        rgb : tuple of str or int, optional
            The bands to show in red, green and blue: see `~astro_wgan.visualize.plot_stamps`.
        ax : `~matplotlib.axes.Axes`, optional
            Where to draw; by default in a new figure.

        Returns
        -------
        `~matplotlib.axes.Axes`
            Without frame. Several bands are shown in color, and masked pixels in olive.

        Raises
        ------
        ImportError
            If Matplotlib is not installed.
        ValueError
            If there is no stamp, ``n_stamps`` is below 1, or ``rgb`` does not name three bands.

        See Also
        --------
        astro_wgan.visualize.plot_stamps : The same with labels, limits and all stamps.

        Examples
        --------
        >>> from astro_wgan.testing import make_stamps
        >>> ax = make_stamps(40).plot(n_stamps=9)
        """
        from astro_wgan.stamps.png import contact_sheet

        sheet = contact_sheet(self, n_stamps=n_stamps, stretch=stretch, rgb=rgb)
        if ax is None:
            import_optional('matplotlib', purpose='Figures need')
            from matplotlib import pyplot

            ax = pyplot.subplots(figsize=(6, 6), layout='constrained')[1]
        ax.imshow(sheet)
        ax.set_axis_off()
        return ax

    def _summary(self):
        ny, nx = self.shape
        parts = [f'{len(self)} stamps of {ny} x {nx} pixels']
        if self.n_bands is not None:
            parts.append(f'{self.n_bands} bands')
        if self.bands != unnamed_bands(self.n_bands):
            names = ', '.join(band.name for band in self.bands)
            parts[-1] += f' ({names})' if self.n_bands is not None else f' in band {names}'
        parts.append(str(self.dtype))
        if self.unit is not None:
            parts.append(f'unit {self.unit}')
        if self.pixel_scale is not None:
            parts.append(f'{self.pixel_scale:.4g}')
        return ', '.join(parts)

    def filled(self, fill_value=None):
        """
        The pixels with masked ones replaced, for code that does not support masks.

        Parameters
        ----------
        fill_value : float, optional
            The replacement. By default the median of the valid pixels of the same stamp and band,
            which is the sky in most stamps; 0 for a stamp without valid pixels.

        Returns
        -------
        `~numpy.ndarray`
            The pixels themselves if none is masked, otherwise a copy.
        """
        return self._in_memory()._filled(fill_value)

    def split(self, fraction, *, seed):
        """
        Split the stamps at random into two sets.

        Parameters
        ----------
        fraction : float
            Fraction of the stamps in the first set, between 0 and 1.
        seed : int
            The same seed gives the same sets.

        Returns
        -------
        first, second : `~astro_wgan.StampSet`
            In the original order.

        Raises
        ------
        ValueError
            If ``fraction`` is out of range.
        """
        if not 0 <= fraction <= 1:
            raise ValueError(f'`fraction` must be between 0 and 1; got {fraction}.')
        order = np.random.default_rng(seed).permutation(len(self))
        count = round(fraction * len(self))
        return self[np.sort(order[:count])], self[np.sort(order[count:])]

    def batches(self, batch_size, *, shuffle=False, seed=0, drop_remainder=False, skip=0):
        """
        Iterate over the stamps in batches.

        Parameters
        ----------
        batch_size : int
            Stamps per batch; the last batch may be smaller.
        shuffle : bool, optional
            Random order.
        seed : int or tuple of int, optional
            Seed of that order; ``(seed, epoch)`` gives each epoch its own.
        drop_remainder : bool, optional
            Leave out a last batch that is not full.
        skip : int, optional
            Number of stamps, in that order, to skip.

        Returns
        -------
        iterator of `~astro_wgan.StampSet`
        """
        n = len(self)
        bounds = batch_bounds(n, batch_size, skip=skip, drop_remainder=drop_remainder)
        order = np.random.default_rng(seed).permutation(n) if shuffle else None
        rows = (slice(*edges) for edges in bounds)
        return (self[part if order is None else order[part]] for part in rows)

    def to_tf_dataset(self, batch_size, *, shuffle=False, seed=0, drop_remainder=False):
        """
        The filled pixels as a `tf.data.Dataset` of arrays (batch, ny, nx, bands).

        Parameters
        ----------
        batch_size, shuffle, seed, drop_remainder
            As in `batches`.

        Returns
        -------
        `tf.data.Dataset`
            Elements are float32; images of one band have a last axis of length 1. The data set
            has a known number of batches and can be iterated again, in the same order.
        """
        options = {'shuffle': shuffle, 'seed': seed, 'drop_remainder': drop_remainder}
        return tf_dataset(self, batch_size, **options)

    def to_cutout2d(self):
        """
        The stamps as a list of `~astropy.nddata.Cutout2D`.

        Returns
        -------
        list of `~astropy.nddata.Cutout2D`, or dict of list
            One list for each band, by its name, if there are several. As if cut from the parent
            image with ``mode='partial'``: same pixels, WCS, origin, bounding boxes and positions.
            The data are a `~astropy.units.Quantity` if the stamps have a unit, and
            `~astropy.utils.masked.Masked` if they have a mask.

        Examples
        --------
        >>> from astro_wgan import StampSet, datasets
        >>> image = datasets.load_image('mock_f814w')
        >>> cutout, = StampSet.from_image(image, size=32, positions=[(100, 80)]).to_cutout2d()
        >>> cutout.bbox_original
        ((64, 95), (84, 115))
        """
        from astro_wgan.cutouts.conversion import to_cutout2d

        return to_cutout2d(self._in_memory())

    def to_ccddata(self):
        """
        The stamps as a list of `~astropy.nddata.CCDData`.

        Returns
        -------
        list of `~astropy.nddata.CCDData`, or dict of list
            One list for each band, by its name, if there are several. With mask, uncertainty,
            unit, WCS, PSF and, as ``meta['FILTER']``, the name of the band. ``meta`` holds the
            stamp's row of the table as plain values (a SkyCoord as ``ra``, ``dec``, degrees; None
            for masked values), except columns with several values per row, preceded by the beam
            (BMAJ and BMIN in degrees) if pixels are per beam. Each can be written as FITS
            whatever the table holds: NaN becomes text, long names become HIERARCH cards, and a
            column ``naxis`` the card _NAXIS. ``from_cutouts(..., table='meta')`` is the inverse.

        Examples
        --------
        >>> from astro_wgan import StampSet, datasets
        >>> image = datasets.load_image('mock_f814w')
        >>> stamp, = StampSet.from_image(image, size=32, positions=[(100, 80)]).to_ccddata()
        >>> stamp.shape, stamp.meta['x']
        ((32, 32), 100.0)
        """
        from astro_wgan.cutouts.conversion import to_ccddata

        return to_ccddata(self._in_memory())
