"""`Stamps`: what a set of stamps in memory and a store on disk have in common."""

from abc import ABC, abstractmethod

import numpy as np

from astro_wgan.astrometry.stamp_geometry import WCSSequence
from astro_wgan.stamps.batches import tf_dataset
from astro_wgan.stamps.derived_sets import band_arguments, changed_arguments, cropped_arguments

__all__ = ['Stamps']

# Modules of cutouts are imported where they are used: with them come SciPy and FITS, which double
# the time to import `StampSet`.


class Stamps(ABC):
    """
    Stamps of one size: the interface of `~astro_wgan.StampSet` and `~astro_wgan.StampStore`.

    It has a length and can be sliced: an index (an integer, a slice, row numbers, or a boolean
    array with an entry per stamp) gives a StampSet. Methods that return pixels or a StampSet read
    what they need of a store into memory.
    """

    @abstractmethod
    def __len__(self):
        """Number of stamps."""

    @abstractmethod
    def __getitem__(self, rows):
        """The chosen stamps as a `~astro_wgan.StampSet`."""

    @abstractmethod
    def _in_memory(self):
        """All stamps as a `~astro_wgan.StampSet`."""

    @property
    @abstractmethod
    def dtype(self):
        """Dtype of the pixels."""

    @property
    @abstractmethod
    def valid(self):
        """True for each pixel that may be used: finite and not masked. Shape of the pixels."""

    @property
    def ids(self):
        """The column ``id`` of the table, as an array."""
        return np.asarray(self.table['id'])

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
        without = ~self.geometry.has_celestial
        if without.any() and self.pixel_scale is not None:
            area[without] = self.pixel_scale**2
        return None if without.all() and self.pixel_scale is None else area

    def __iter__(self):
        for i in range(len(self)):
            yield self[i]

    def __repr__(self):
        return f'<{type(self).__name__}: {self._summary()}>'

    def _summary(self):
        ny, nx = self.shape
        parts = [f'{len(self)} stamps of {ny} x {nx} pixels']
        if self.bands is not None:
            parts.append(f'{self.bands} bands')
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
        return self._in_memory().filled(fill_value)

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

    def replace(self, **changes):
        """
        A set in which the pixels, or other attributes, are replaced.

        Parameters
        ----------
        **changes
            Any argument of `~astro_wgan.StampSet` except ``axes``. Pixels are in the unit of the
            stamps, or in ``unit``, or a Quantity that is converted. A new ``unit`` converts the
            pixels and the uncertainty unless they are given too, or there was no unit.

        Returns
        -------
        `~astro_wgan.StampSet`
            Everything else is shared with this set, as by a slice: arrays, columns of the table,
            geometry and PSF. The mask is kept, and pixels that are not finite are added. With
            new ``wcs`` or ``geometry``, the pixel scale is taken from it if possible.

        Raises
        ------
        TypeError
            If there is no such argument.
        ValueError
            If the new values do not fit those that are kept.
        astropy.units.UnitConversionError
            If a unit does not convert.

        Examples
        --------
        >>> import numpy as np
        >>> from astro_wgan import StampSet
        >>> stamps = StampSet(np.ones((5, 64, 64)), unit='nJy')
        >>> stamps.replace(pixels=stamps.pixels - 0.5).pixels.max()
        np.float64(0.5)
        """
        stamps = self._in_memory()
        return type(stamps)(**changed_arguments(stamps, changes))

    def band(self, number):
        """
        One band of each stamp, as a set of plain images.

        Parameters
        ----------
        number : int
            Index of the band, from 0; plain images have one band.

        Returns
        -------
        `~astro_wgan.StampSet`
            Its pixels, uncertainty and mask are views; everything else is shared.

        Raises
        ------
        ValueError
            If there is no such band.

        Examples
        --------
        >>> import numpy as np
        >>> from astro_wgan import StampSet
        >>> StampSet(np.ones((5, 64, 64, 3))).band(1)
        <StampSet: 5 stamps of 64 x 64 pixels, float64>
        """
        stamps = self._in_memory()
        return type(stamps)(**band_arguments(stamps, number))

    def crop(self, size):
        """
        The central part of each stamp, without resampling.

        Parameters
        ----------
        size : int or tuple of int
            Pixels along an edge, or ``(ny, nx)``; at most those of the stamps.

        Returns
        -------
        `~astro_wgan.StampSet`
            Its arrays are views, and its WCS and geometry are shifted. If an even edge is cropped
            to an odd one, or the other way round, the center is that of
            `~astropy.nddata.Cutout2D`.

        Raises
        ------
        ValueError
            If the stamps are smaller.

        Examples
        --------
        >>> import numpy as np
        >>> from astro_wgan import StampSet
        >>> StampSet(np.ones((5, 101, 101))).crop(64)
        <StampSet: 5 stamps of 64 x 64 pixels, float64>
        """
        stamps = self._in_memory()
        return type(stamps)(**cropped_arguments(stamps, size))

    def reproject(
        self,
        *,
        pixel_scale=None,
        position_angle=None,
        size=None,
        method='adaptive',
        progress=True,
    ):
        """
        Reproject all stamps to one pixel scale and orientation.

        The center of each stamp keeps its position on the sky.

        Parameters
        ----------
        pixel_scale : `~astropy.units.Quantity`, optional
            Angle of a pixel's edge (angle, or angle per pixel); by default that of the stamps.
        position_angle : `~astropy.units.Quantity`, optional
            Position angle of the y axis, from (ICRS) north through east: 0 deg has north up and
            east to the left. By default each stamp keeps its orientation and parity.
        size : int or tuple of int, optional
            Pixels along an edge, or ``(ny, nx)``; by default the angular size is kept.
        method : {'adaptive', 'interp', 'exact'}, optional
            Function of the package reproject. ``'adaptive'`` antialiases, so that every input
            pixel contributes even if the output pixels are much coarser; ``'interp'``
            interpolates, which is several times faster, but does not conserve the flux of compact
            sources if the output pixels are coarser; ``'exact'`` computes the overlap of pixels,
            which is several times slower.
        progress : bool, optional
            Show a progress line.

        Returns
        -------
        `~astro_wgan.StampSet`
            In the same order, with the same table (``x`` and ``y`` are still positions in the
            image from which the stamps were cut) and a WCS for each stamp: TAN projection, ICRS.
            Output pixels less than half covered by valid input pixels are masked and NaN. The PSF
            is resampled if the transformation is the same for all stamps, and dropped otherwise.

        Raises
        ------
        ValueError
            If an argument is out of range, a stamp has neither WCS nor pixel scale, a stamp to be
            rotated has no WCS, or its WCS is not defined in all of the stamp.
        astropy.units.UnitsError
            If ``pixel_scale`` or ``position_angle`` is not an angle, or the pixels are magnitudes.

        Notes
        -----
        If the unit is one of counts, flux density, luminosity or mass, or there is none, a pixel
        holds the flux in its area, and the values scale with the area of the pixels. Values in
        other units are kept: surface brightness (per solid angle or beam, such as MJy / sr),
        temperatures, velocities, and ratios such as percent or those that ``BUNIT`` declares,
        for which ``meta['pixels']`` is ``'ratio'``. ``'adaptive'`` conserves the flux of a source
        that lies within the stamp to 0.2 percent.

        The uncertainty is propagated such that the variance of the flux in an aperture is
        preserved, as if the output pixels were independent. They are correlated: the scatter
        between pixels is smaller than the uncertainty, while the error of an aperture flux is
        right.

        Within a stamp, the transformation is affine to 0.02 pixels for almost all images. Stamps
        with the same transformation are resampled together; stamps with stronger distortion are
        resampled one by one, with their full WCS (but with one pixel area per stamp).

        Examples
        --------
        >>> from astropy import units as u
        >>> from astro_wgan import StampSet, datasets
        >>> image = datasets.load_image('mock_f814w')
        >>> stamps = StampSet.from_image(image, size=64, positions=[(81, 162), (60, 120.5)])
        >>> stamps.reproject(pixel_scale=0.06 * u.arcsec, position_angle=0 * u.deg, progress=False)
        <StampSet: 2 stamps of 32 x 32 pixels, float32, unit electron / s, 0.06 arcsec / pix>
        """
        from astro_wgan.cutouts.reprojection import reprojected_arguments

        stamps = self._in_memory()
        arguments = reprojected_arguments(
            stamps,
            pixel_scale=pixel_scale,
            position_angle=position_angle,
            size=size,
            method=method,
            progress=progress,
        )
        return type(stamps)(**arguments)

    def to_cutout2d(self):
        """
        The stamps as a list of `~astropy.nddata.Cutout2D`.

        Returns
        -------
        list of `~astropy.nddata.Cutout2D`
            As if cut from the parent image with ``mode='partial'``: same pixels, WCS, origin,
            bounding boxes and positions. The data are a `~astropy.units.Quantity` if the stamps
            have a unit, and `~astropy.utils.masked.Masked` if they have a mask.

        Raises
        ------
        ValueError
            If the stamps have several bands.

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
        list of `~astropy.nddata.CCDData`
            With mask, uncertainty, unit and WCS. ``meta`` holds the stamp's row of the table as
            plain values (a SkyCoord in degrees, as ``ra`` and ``dec``; None for masked values),
            except columns with several values per row, preceded by the beam (BMAJ and BMIN in
            degrees) if pixels are per beam. Each can be written as FITS whatever the table
            holds: NaN becomes text, long names become HIERARCH cards, and a column ``naxis`` the
            card _NAXIS.

        Raises
        ------
        ValueError
            If the stamps have several bands.

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
