"""Methods of stamps that change size, scale or center: crop, pad, bin, recenter, reproject."""

from abc import ABC, abstractmethod

from astro_wgan.stamps.set_arguments import arguments_of, cropped_arguments

__all__ = ['ResizedSets']


class ResizedSets(ABC):
    """
    Methods of `~astro_wgan.stamps.Stamps` that return a set of another size, scale or center.

    Stamps of a store are read into memory.
    """

    @abstractmethod
    def _in_memory(self):
        """All stamps as a `~astro_wgan.StampSet`."""

    def crop(self, size):
        """
        The central part of each stamp, without resampling.

        Parameters
        ----------
        size : int, tuple of int or `~astropy.units.Quantity`
            Pixels along an edge, or ``(ny, nx)``, or the same as angles; at most those of the
            stamps.

        Returns
        -------
        `~astro_wgan.StampSet`
            Its arrays are views, and its WCS and geometry are shifted. If an even edge is cropped
            to an odd one, or the other way round, the center is that of
            `~astropy.nddata.Cutout2D`.

        Raises
        ------
        ValueError
            If the stamps are smaller, or an angle is given and they have no pixel scale.

        Examples
        --------
        >>> import numpy as np
        >>> from astro_wgan import StampSet
        >>> StampSet(np.ones((5, 101, 101))).crop(64)
        <StampSet: 5 stamps of 64 x 64 pixels, float64>
        """
        stamps = self._in_memory()
        return type(stamps)(**cropped_arguments(stamps, size))

    def pad(self, size, *, fill_value=None):
        """
        Stamps with pixels around them, without resampling.

        Parameters
        ----------
        size : int, tuple of int or `~astropy.units.Quantity`
            Pixels along an edge, or ``(ny, nx)``, or the same as angles; at least those of the
            stamps.
        fill_value : float, optional
            Value of the new pixels, which count as observed, with an infinite uncertainty. By
            default they are NaN and masked.

        Returns
        -------
        `~astro_wgan.StampSet`
            Its WCS and geometry are shifted. `crop` to the former size gives the same stamps.

        Raises
        ------
        ValueError
            If the stamps are larger, ``fill_value`` is not finite, or an angle is given and there
            is no pixel scale.

        Examples
        --------
        >>> import numpy as np
        >>> from astro_wgan import StampSet
        >>> padded = StampSet(np.ones((5, 50, 50))).pad(64)
        >>> padded
        <StampSet: 5 stamps of 64 x 64 pixels, float64>
        >>> int(padded.valid[0].sum())
        2500
        """
        from astro_wgan.cutouts.resampled.resizing import padded_arguments

        return self._changed(padded_arguments, size, fill_value)

    def bin(self, factor):
        """
        Combine blocks of pixels, such that flux is conserved.

        Parameters
        ----------
        factor : int
            Pixels along the edge of a block. If the edge of the stamps is not a multiple of it,
            they are first cropped to their center.

        Returns
        -------
        `~astro_wgan.StampSet`
            Its pixels are sums if they hold flux (counts, flux densities, luminosities, masses, or
            if there is no unit), and means for other units, such as surface brightness. They are
            masked if less than half of the block is valid; otherwise the mean of the valid pixels
            stands for the others. Uncertainties are added in quadrature. Pixel scale, WCS and PSF
            are those of the larger pixels.

        Raises
        ------
        ValueError
            If ``factor`` is not an integer from 1 to the edge of the stamps.
        astropy.units.UnitsError
            If the pixels are logarithms.

        Examples
        --------
        >>> import numpy as np
        >>> from astro_wgan import StampSet
        >>> binned = StampSet(np.ones((5, 101, 101)), unit='nJy').bin(3)
        >>> binned
        <StampSet: 5 stamps of 33 x 33 pixels, float64, unit nJy>
        >>> binned.pixels.max()
        np.float64(9.0)
        """
        from astro_wgan.cutouts.resampled.resizing import binned_arguments

        return self._changed(binned_arguments, factor)

    def recenter(self, on='centroid', *, max_shift=None):
        """
        Shift stamps by fractions of a pixel, such that their sources are in the center.

        Parameters
        ----------
        on : {'centroid', 'peak'}, SkyCoord or array_like of shape (n, 2), optional
            What to shift to the center:

            * ``'centroid'``: the centroid in a Gaussian window with a standard deviation of a tenth
              of the edge, as ``XWIN_IMAGE`` of SExtractor, after subtraction of the median of the
              border;
            * ``'peak'``: the brightest pixel, whose fraction is that of a parabola;
            * a position of each stamp: a `~astropy.coordinates.SkyCoord`, or 0-based pixels
              ``(x, y)`` of the stamp. Those that are NaN leave a stamp where it is.

            Of several bands, the mean of the valid ones is used.
        max_shift : float, tuple of float or `~astropy.units.Quantity`, optional
            Maximum shift in pixels, or as an angle, along both axes or ``(x, y)``, for ``'peak'``
            and ``'centroid'``; a quarter of the edge by default, and at most this for
            ``'centroid'``.

        Returns
        -------
        `~astro_wgan.StampSet`
            Of the same size. Its table has the columns ``shift_x`` and ``shift_y``, the shift in
            pixels (NaN for a stamp that stays where it is, because no source is found within
            ``max_shift`` or too much is masked), and ``noise_correlation``. Mask and WCS are
            shifted, too; pixels of which less than half comes from valid ones are masked.

        Raises
        ------
        ValueError
            If ``on`` is none of these, positions are outside of their stamps, or ``max_shift`` is
            not above 0, or an angle for stamps without pixel scale.
        astropy.units.UnitsError
            If the pixels are logarithms.

        Notes
        -----
        The summed flux is interpolated by a polynomial of degree 7, so that flux is conserved; the
        accuracy is that of a cubic spline. Shifts by whole pixels leave all values as they are.

        Interpolation correlates the noise of adjacent pixels and makes the scatter between them
        smaller. The uncertainty is still right for the flux in an aperture; the scatter is smaller
        by the factor in the column ``noise_correlation`` (R of Fruchter & Hook 2002), 1.16 for an
        average shift of white noise.

        Examples
        --------
        >>> from astro_wgan import StampSet, datasets
        >>> image = datasets.load_image('mock_f814w')
        >>> stamps = StampSet.from_image(image, size=64, positions=[(165, 118)])
        >>> centered = stamps.recenter('centroid').table
        >>> f'{centered["shift_x"][0]:.2f} {centered["shift_y"][0]:.2f}'
        '1.17 pix 0.98 pix'
        """
        from astro_wgan.cutouts.resampled.resizing import recentered_arguments

        return self._changed(recentered_arguments, on, max_shift)

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
        size : int, tuple of int or `~astropy.units.Quantity`, optional
            Pixels along an edge, or ``(ny, nx)``, or the same as angles; by default the angular
            size is kept.
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

    def _changed(self, function, *options):
        """A set with the arguments that a function of ``cutouts.resampled.resizing`` changes."""
        stamps = self._in_memory()
        return type(stamps)(**{**arguments_of(stamps), **function(stamps, *options)})
