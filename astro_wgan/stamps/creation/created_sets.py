"""Classmethods of `StampSet` that make sets of cutouts, and of stamps in several bands."""

from collections.abc import Mapping

import numpy as np

from astro_wgan.bands.band import as_bands
from astro_wgan.bands.band_checks import check_bands_are_named, warn_of_equal_bands
from astro_wgan.stamps.consistency import check_stamps_type
from astro_wgan.stamps.creation.band_sets import set_of_bands
from astro_wgan.stamps.set_arguments import full_band, joined_band_arguments

__all__ = ['CreatedSets']

# Modules with cutouts and images are imported in the methods that use them, as in
# `astro_wgan.stamps.base`.


class CreatedSets:
    """Classmethods of `~astro_wgan.StampSet` that make a set of other objects than one image."""

    @classmethod
    def from_images(
        cls,
        images,
        *,
        size=64,
        scale=None,
        detect_in=None,
        grid=None,
        positions=None,
        detection=None,
        background=None,
        partial='drop',
        outside='refuse',
        fill_value=np.nan,
        match_psf=False,
        mask=None,
        pixel_scale=None,
        hdu=None,
        plane=None,
        zeros='auto',
        max_size=None,
        neighbors='keep',
        stars='keep',
        layout='auto',
        weight=None,
        uncertainty=None,
        bits=None,
        remote=None,
    ):
        """
        Cut stamps in several bands from an image of each: one catalog, on the pixels of one band.

        Parameters
        ----------
        images : dict
            An image for each band, as in `~astro_wgan.StampSet.from_image`, by the name of the
            band or by its `~astro_wgan.stamps.Band`, which may have a wavelength, a zero point
            and a PSF at the pixel scale of its image. With WCS, images may have any shapes, pixel
            scales and orientations; without, they must have the same shape.
        size : int, tuple of int or `~astropy.units.Quantity`, optional
            Pixels of ``grid`` along an edge, or ``(ny, nx)``, or the same as angles.
        scale : {'source'} or `~astro_wgan.stamps.SourceScale`, optional
            Stamps that follow their sources, as in `~astro_wgan.StampSet.from_image`; radii are
            measured in ``grid``.
        detect_in : str or int, optional
            Band in which sources are detected, by name or number, the first by default; or
            ``'chi2'``, for the chi-squared image of all bands (Szalay et al. 1999, AJ 117, 68),
            in which sources of any color are found. It is scaled to a mean of 0 and a standard
            deviation of 1 in the sky, so that the threshold of ``detection`` is in sigma.
        grid : str or int, optional
            Band whose pixels the stamps have: that in which sources are detected, or the first.
        positions : array_like, SkyCoord, Table or regions, optional
            Centers of the stamps instead of detected sources, as in
            `~astro_wgan.StampSet.from_image`; pixels are those of ``grid``.
        detection, background, partial, outside, fill_value
            As in `~astro_wgan.StampSet.from_image`, for the image of the band in which sources are
            detected, and that of ``grid``. In other bands, what is outside of their image is
            masked.
        match_psf : bool or str, optional
            Convolve all bands to the PSF of one, by name, or to the broadest (True), with a Wiener
            kernel of photutils. The PSFs must have odd edges.
        mask : array_like of bool, path-like, HDU or dict, optional
            True for pixels to mask in addition to the mask of the image, as in
            `~astro_wgan.images.read_image`. This and the other options of reading may be
            dictionaries with a value for some of the bands.
        pixel_scale : `~astropy.units.Quantity`, optional
            Angle of a pixel of ``grid``, for images without WCS.
        hdu, plane, zeros, max_size, layout, weight, uncertainty, bits, remote : optional
            As in `~astro_wgan.images.read_image`.
        neighbors, stars : optional
            As in `~astro_wgan.StampSet.from_image`, the same for all bands. They are detected in
            ``grid``, or in the chi-squared image, and replaced by sky of the same stamp.

        Returns
        -------
        `~astro_wgan.StampSet`
            Stamps of shape (n, ny, nx, bands), with the bands in the order of ``images``, in the
            unit of the first. The table is that of `~astro_wgan.StampSet.from_image`. There is no
            flux of sources detected in ``'chi2'``, and no shape of those detected on other pixels
            than those of ``grid``. Bands without data at a stamp are masked there.

        Raises
        ------
        TypeError
            If ``images`` is no dictionary.
        ValueError
            As in `~astro_wgan.StampSet.from_image`; if names are not unique, only some images have
            a WCS or an uncertainty, images without WCS differ in shape, an image covers none of
            the stamps, or a PSF to be matched is missing.
        astropy.units.UnitConversionError
            If units of bands do not convert.
        astro_wgan.exceptions.DetectionError, astro_wgan.exceptions.ImageError
            As in `~astro_wgan.StampSet.from_image`.

        Warns
        -----
        AstropyUserWarning
            If two bands have the same pixels.

        Notes
        -----
        Where the pixels of a band are those of ``grid`` to a twentieth, or shifted by whole pixels,
        they are copied. If only their scale, place or direction differs, they are resampled as by
        `~astro_wgan.StampSet.recenter`; otherwise, if they are rotated for instance, with the
        function ``reproject_adaptive``, stamp by stamp. Flux is conserved if pixels hold flux, and
        surface brightness if they hold that; pixels less than half covered by valid ones are
        masked; the variance of the flux in an aperture is conserved, but neighboring pixels are
        correlated.

        With ``positions``, FITS files are read some rows at a time. To detect sources, one band is
        in memory, and two in ``'chi2'``. The pixels of a stamp are in memory band by band, although
        bands are the last axis: ``stamps['r'].pixels[0]`` is contiguous.

        Examples
        --------
        >>> from astro_wgan import StampSet, datasets
        >>> image = datasets.load_image('mock_f814w')
        >>> redder = image.multiply(2)
        >>> images = {'F606W': image, 'F814W': redder}
        >>> StampSet.from_images(images, size=32, detect_in='F814W')
        <StampSet: ... stamps of 32 x 32 pixels, 2 bands (F606W, F814W), ...>
        """
        from astro_wgan.cutouts.bands.images_of_bands import band_arguments_of_images
        from astro_wgan.neighbors.neighbor_config import as_neighbor_config

        removal = as_neighbor_config(neighbors, stars)
        found = band_arguments_of_images(
            images,
            size=size,
            scale=scale,
            detect_in=detect_in,
            grid=grid,
            positions=positions,
            detection=detection,
            background=background,
            partial=partial,
            outside=outside,
            fill_value=fill_value,
            match_psf=match_psf,
            mask=mask,
            pixel_scale=pixel_scale,
            hdu=hdu,
            plane=plane,
            zeros=zeros,
            max_size=max_size,
            layout=layout,
            weight=weight,
            uncertainty=uncertainty,
            bits=bits,
            remote=remote,
            removal=removal,
        )
        return set_of_bands(cls, *found, detection=removal.detection_or(detection))

    @classmethod
    def from_bands(cls, sets):
        """
        Join sets of the same stamps in several bands.

        Parameters
        ----------
        sets : dict of `~astro_wgan.StampSet` or `~astro_wgan.StampStore`
            Plain images of the same stamps, on the same pixels, by the name of the band, or by
            its `~astro_wgan.stamps.Band`.

        Returns
        -------
        `~astro_wgan.StampSet`
            Table, WCS and pixel scale are those of the first set, to whose unit the others are
            converted. Each band keeps its wavelength, zero point and PSF.

        Raises
        ------
        TypeError
            If ``sets`` is no dictionary.
        ValueError
            If there is no set, names are not unique, or the sets differ in number, size, ids, or
            in whether they have an uncertainty.
        astropy.units.UnitConversionError
            If units do not convert.

        Examples
        --------
        >>> from astro_wgan import StampSet
        >>> from astro_wgan.testing import make_stamps
        >>> StampSet.from_bands({'g': make_stamps(5, seed=1), 'r': make_stamps(5, seed=2)})
        <StampSet: 5 stamps of 32 x 32 pixels, 2 bands (g, r), float32, unit nJy>
        """
        check_bands_are_named(sets, 'sets', 'a set')
        for stamps in sets.values():
            check_stamps_type(stamps, 'sets')
        sets = {
            band: stamps if isinstance(stamps, cls) else stamps[:] for band, stamps in sets.items()
        }
        return cls(**joined_band_arguments(sets))

    @classmethod
    def from_cutouts(
        cls,
        cutouts,
        *,
        bands=None,
        mask=None,
        uncertainty=None,
        unit=None,
        pixel_scale=None,
        psf=None,
        table=None,
    ):
        """
        Stack a list of cutouts, or one for each band.

        Parameters
        ----------
        cutouts : sequence of `~astropy.nddata.Cutout2D` or `~astropy.nddata.NDData`, or dict
            At least one, all of the same shape. The data may be a `~astropy.units.Quantity`,
            masked, or both. Pixels of a Cutout2D outside its image are masked. A dictionary of
            such lists, of the same stamps, by the name of the band or its
            `~astro_wgan.stamps.Band`, makes stamps of several bands, as `from_bands`.
        bands : str or `~astro_wgan.stamps.Band`, optional
            The band of a list of cutouts.
        mask, uncertainty : sequence of array_like or `~astropy.nddata.Cutout2D`, or dict, optional
            One per stamp. Masks are combined with those of the cutouts; uncertainties replace
            those of the cutouts. For several bands, a dictionary with those of some or all.
        unit : unit-like, optional
            Unit of the set; that of the first cutout by default.
        pixel_scale, psf : optional
            As in `~astro_wgan.StampSet`; the PSF by default that of all CCDData.
        table : `~astropy.table.Table` or 'meta', optional
            A row per stamp; with 'meta' what ``meta`` of all of them holds, as `to_ccddata` writes
            it, without units. By default ``id``, ``x``, ``y`` (the requested position of a Cutout2D
            in its image; the center of an NDData) and, if each has a celestial WCS, ``sky``.

        Returns
        -------
        `~astro_wgan.StampSet`

        Raises
        ------
        ValueError
            If a list is empty, shapes disagree, or only some cutouts have a unit or an
            uncertainty; as in `from_bands` if bands disagree, or `mask` or `uncertainty` have
            another band.
        TypeError
            If an entry is neither Cutout2D nor NDData.

        Examples
        --------
        >>> import numpy as np
        >>> from astropy.nddata import Cutout2D
        >>> from astro_wgan import StampSet
        >>> image = np.arange(10000.0).reshape(100, 100)
        >>> cutouts = [Cutout2D(image, (20, 30), 9), Cutout2D(image, (50, 60), 9)]
        >>> StampSet.from_cutouts(cutouts)
        <StampSet: 2 stamps of 9 x 9 pixels, float64>
        >>> others = [Cutout2D(2 * image, (20, 30), 9), Cutout2D(2 * image, (50, 60), 9)]
        >>> StampSet.from_cutouts({'g': cutouts, 'r': others})
        <StampSet: 2 stamps of 9 x 9 pixels, 2 bands (g, r), float64>
        """
        from astro_wgan.cutouts.conversion import arguments_of_bands, stacked_arguments

        common = {'unit': unit, 'pixel_scale': pixel_scale, 'psf': psf, 'table': table}
        if not isinstance(cutouts, Mapping):
            plain = stacked_arguments(cutouts, mask=mask, uncertainty=uncertainty, **common)
            return cls._of_one_band(plain, bands)
        given = {'mask': mask, 'uncertainty': uncertainty}
        each = arguments_of_bands(cutouts, bands, given, common)
        return cls.from_bands({band: cls(**arguments) for band, arguments in each.items()})

    @classmethod
    def _of_one_band(cls, arguments, bands):
        """Plain images, of a band that may be given."""
        stamps = cls(**arguments)
        if bands is not None:
            stamps.bands = [full_band(band, stamps) for band in as_bands(bands, None)]
        return stamps

    @classmethod
    def from_files(
        cls,
        paths,
        *,
        table=None,
        size=None,
        bands=None,
        pixel_scale=None,
        psf=None,
        hdu=None,
        plane=None,
        zeros='auto',
        max_size=None,
        layout='auto',
        bits=None,
        remote=None,
        progress=True,
    ):
        """
        Read files of cutouts, each a stamp.

        Parameters
        ----------
        paths : path-like, str or sequence of path-like
            A folder, all FITS, JPEG, PNG and TIFF files of which are read in alphabetical order; a
            pattern such as ``'cutouts/**/*.fits'``, also of URIs where files can be listed; or a
            list of files, also at URIs, in this order.
        table : `~astropy.table.Table` or path-like, optional
            A row for each file, found by a column of names (``file``, ``filename``, ``path``,
            ``image``; with or without folder and suffix), by any column with the names of all
            files, such as an object number, or by ``id``; by their order if nothing in the table is
            the name of a file. Other rows are left out.
        size : int, tuple of int or `~astropy.units.Quantity`, optional
            Pixels along an edge, or ``(ny, nx)``, or the same as angles, to which images are
            cropped or padded; padded pixels are masked. By default that of all images.
        bands : sequence of str or `~astro_wgan.stamps.Band`, optional
            Names of the planes of cubes. The colors of a picture become bands if they are named,
            ``['r', 'g', 'b']``; by default they are converted to luminance. If they have no zero
            point, they take that of the first file, to which the pixels of the others are scaled.
        pixel_scale, psf : optional
            As in `~astro_wgan.StampSet`; by default the pixel scale of the first file.
        hdu, plane, zeros, max_size, layout, bits, remote : optional
            As in `~astro_wgan.images.read_image`.
        progress : bool, optional
            Show a progress line.

        Returns
        -------
        `~astro_wgan.StampSet`
            In the unit of the first file that can be read, with the columns of the table, ``id``
            (by default the name of the file without suffix), ``file`` and ``status``: ``'read'``,
            or why a file cannot be read, or not in this unit, or has another number of planes.
            Such stamps are masked. If the first file has an uncertainty, that of files without one
            is infinite.

        Raises
        ------
        ValueError
            If there is no file, the sizes differ and ``size`` is not given, two files have the
            same id, the table does not fit, or the stamps are larger than the memory.
        astro_wgan.exceptions.ImageError
            If no file can be read.

        Warns
        -----
        AstropyUserWarning
            If two bands have the same pixels, the pixels of some files are of another scale, or
            they have an uncertainty while the first file has none.

        See Also
        --------
        astro_wgan.StampStore.from_files : The same for more files than fit in memory.

        Examples
        --------
        >>> from astro_wgan import StampSet
        >>> stamps = StampSet.from_files('cutouts', size=64)  # doctest: +SKIP
        >>> stamps = stamps[stamps.table['status'] == 'read']  # doctest: +SKIP
        """
        from astro_wgan.cutouts.folders.cutout_files import arguments_of_files

        stamps = cls(
            **arguments_of_files(
                paths,
                table=table,
                size=size,
                bands=bands,
                pixel_scale=pixel_scale,
                psf=psf,
                hdu=hdu,
                plane=plane,
                zeros=zeros,
                max_size=max_size,
                layout=layout,
                bits=bits,
                remote=remote,
                progress=progress,
            )
        )
        if stamps.n_bands is not None:
            warn_of_equal_bands(stamps.bands, stamps.pixels, stamps.mask, stacklevel=3)
        return stamps
