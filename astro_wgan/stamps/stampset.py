"""`StampSet`: stamps of the same size with uncertainty, mask, WCS, PSF and a table."""

from dataclasses import replace

import numpy as np
from astropy.io.registry import UnifiedReadWriteMethod

from astro_wgan.astrometry.stamp_geometry import StampGeometry
from astro_wgan.bands.band import as_bands
from astro_wgan.stamps.arrays import Checked, StampArrays
from astro_wgan.stamps.base import Stamps
from astro_wgan.stamps.comparison import same_sets
from astro_wgan.stamps.consistency import as_table
from astro_wgan.stamps.creation.created_sets import CreatedSets
from astro_wgan.stamps.file_formats import ReadStamps
from astro_wgan.validation.axis_order import own_axes
from astro_wgan.validation.indices import stamp_index
from astro_wgan.validation.pixels import as_mask, as_pixel_scale, as_psf

__all__ = ['StampSet']


def _checked_bands(stamps, bands):
    bands = as_bands(bands, stamps.n_bands)
    if stamps.n_bands is None and bands and bands[0].psf is not None:
        # The PSF of plain images is that of the set.
        if stamps.psf is None:
            stamps.psf = bands[0].psf
        bands = (replace(bands[0], psf=None),)
    return bands


class StampSet(CreatedSets, StampArrays, Stamps):
    """
    Stamps of the same size: pixels, uncertainty, mask, unit, pixel scale, WCS and a table.

    Parameters
    ----------
    pixels : array_like, shape (n, ny, nx) or (n, ny, nx, bands)
        The images. The unit of a `~astropy.units.Quantity` and the mask of a masked array, or
        `~astropy.utils.masked.Masked`, are used. Integers become floats.
    uncertainty : array_like or `~astropy.nddata.NDUncertainty`, optional
        Standard deviation of each pixel, in the unit of the pixels; same shape as ``pixels``.
        Where it is masked, it becomes NaN, and the pixel is masked.
    mask : array_like of bool, optional
        True for pixels that must not be used; shape (n, ny, nx), or that of ``pixels``. Pixels
        that are not finite are always masked.
    unit : unit-like, optional
        Unit of the pixels; by default there is none.
    pixel_scale : `~astropy.units.Quantity`, optional
        Angle of the edge of a pixel (angle, or angle per pixel). By default that of the WCS at
        the center of the first stamp; `pixel_area` is measured for each stamp.
    psf : array_like, optional
        Image of the point spread function, at the pixel scale of the stamps; that of all bands
        that have none of their own.
    bands : sequence of str or `~astro_wgan.stamps.Band`, optional
        Name of each band, with its wavelength, zero point and PSF if they are known. By default
        bands are called ``'0'``, ``'1'``, ... Plain images may have the name of their one band.
    wcs : sequence of `~astropy.wcs.WCS`, optional
        One for each stamp, or None for a stamp without WCS.
    table : `~astropy.table.QTable`, optional
        A row for each stamp. A column ``id`` of unique values is added if it is missing.
    meta : dict, optional
        Provenance and other metadata of the set as a whole.
    geometry : `~astro_wgan.astrometry.stamp_geometry.StampGeometry`, optional
        Parent image and position of each stamp, instead of ``wcs``.
    axes : str, optional
        Order of the axes of ``pixels``, ``uncertainty`` and ``mask`` if it is different: a letter
        for each, n (stamps), y, x and b (bands), such as ``'nbyx'`` for bands first.
    assume_finite : bool, optional
        Do not search for pixels that are not finite; all of them must be masked already.

    Raises
    ------
    ValueError
        If shapes disagree, ids are masked or not unique, or the pixels are not a stack of images
        or seem to have their bands first.
    TypeError
        If ``pixels`` are not numbers.
    astropy.units.UnitConversionError
        If ``pixels`` or ``uncertainty`` do not convert to ``unit``.

    Notes
    -----
    Indexing a set gives a set: ``stamps[3:7]``, ``stamps[stamps.table['score'] > 2]``; an integer
    gives a set of one stamp. Slices are views of the arrays, as in NumPy. ``stamps['r']`` is one
    band of all stamps, as plain images, and ``stamps[['g', 'r']]`` has two of the bands.

    Values assigned to ``pixels``, ``uncertainty``, ``mask``, ``table``, ``psf``, ``bands`` and
    ``pixel_scale`` are checked like the arguments: pixels that are not finite are masked. Values
    written into these arrays are not checked.

    Two sets are equal (``==`` gives one boolean) if pixels (masked ones, too), uncertainty, valid
    pixels, unit, pixel scale, PSF, bands, geometry, WCS, and the columns of the table in any order
    are exactly equal; NaN equals NaN. Dtypes and ``meta`` may differ.

    Examples
    --------
    >>> import numpy as np
    >>> from astropy import units as u
    >>> from astro_wgan import StampSet
    >>> stamps = StampSet(np.ones((5, 64, 64)) * u.nJy, pixel_scale=0.06 * u.arcsec)
    >>> stamps
    <StampSet: 5 stamps of 64 x 64 pixels, float64, unit nJy, 0.06 arcsec / pix>
    >>> normal, held_out = stamps.split(0.8, seed=1)
    >>> len(normal), len(held_out)
    (4, 1)
    """

    def __init__(
        self,
        pixels,
        *,
        uncertainty=None,
        mask=None,
        unit=None,
        pixel_scale=None,
        psf=None,
        bands=None,
        wcs=None,
        table=None,
        meta=None,
        geometry=None,
        axes=None,
        assume_finite=False,
    ):
        super().__init__(
            pixels,
            uncertainty=uncertainty,
            mask=mask,
            unit=unit,
            axes=axes,
            assume_finite=assume_finite,
        )
        self.geometry = StampGeometry.of(len(self.pixels), self.shape, wcs, geometry)
        if pixel_scale is None:
            pixel_scale = self.geometry.pixel_scale(self.shape)
        self.pixel_scale, self.psf, self.table = pixel_scale, psf, table
        self.bands = bands
        self.meta = {} if meta is None else dict(meta)

    read = UnifiedReadWriteMethod(ReadStamps)

    @classmethod
    def from_image(
        cls,
        image,
        *,
        size=64,
        scale=None,
        positions=None,
        detection=None,
        background=None,
        partial='drop',
        outside='refuse',
        fill_value=np.nan,
        mask=None,
        pixel_scale=None,
        psf=None,
        bands=None,
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
        Cut stamps from an image, around given positions or around the sources that are detected.

        Parameters
        ----------
        image : path-like, HDU, `~astropy.nddata.NDData` or array_like
            Any input of `~astro_wgan.images.read_image`; the stamps inherit its unit, uncertainty,
            mask and WCS. Or a list of images of the same field and pixel grid, or a cube, one
            image or plane per band: sources are detected in the first, to whose unit the others
            are converted. `from_images` detects in any band, and takes images of other pixels.
        size : int, tuple of int or `~astropy.units.Quantity`, optional
            Pixels along an edge, or ``(ny, nx)``, or the same as angles, which are rounded to whole
            pixels.
        scale : {'source'} or `~astro_wgan.stamps.SourceScale`, optional
            Stamps that follow their sources: 16 half-light radii across, or what the SourceScale
            says, resampled to ``size`` pixels. By default they have the pixels of the image.
        positions : array_like, SkyCoord, Table, path-like or regions, optional
            Centers of the stamps; by default sources are detected. One of:

            * an array (n, 2) of 0-based pixels ``(x, y)``;
            * a `~astropy.coordinates.SkyCoord`, or a list of them;
            * a table, data frame, FITS table, dictionary or structured array, or rows of one, with
              columns ``x`` and ``y``, or one column of SkyCoord, or ``ra`` and ``dec`` (ICRS, in
              degrees if they have no unit; text may be sexagesimal, a right ascension without
              unit in hours); other columns are kept. The column names of photutils
              (``xcentroid``), SExtractor (``X_IMAGE``, ``XWIN_IMAGE``, ``ALPHA_J2000``), VizieR
              and Gaia (``RAJ2000``, ``_RAJ2000``, ``RA_ICRS``, ``GLON``), ObsCore (``s_ra``) and
              journals (``RAh`` to ``DEs``) are recognized regardless of case. Pixels of
              SExtractor count from 1, all others from 0. Pixel positions take precedence over
              sky positions unless they are all outside the image;
            * the path of such a table in FITS, ECSV or other text;
            * a catalog of the sky in a Parquet file, a folder of them or a HATS folder, or an
              ``lsdb.Catalog``, as in `~astro_wgan.catalogs.read_catalog`: of its sources those in
              the image are read;
            * a `regions.Regions`, a list of regions or one region, of which the centers are used.
        detection : `~astro_wgan.detection.DetectionConfig`, optional
            Configuration of the source detection, if there are no ``positions``, or neighbors or
            stars are removed.
        background : float, array_like or `~astropy.units.Quantity`, optional
            Known background for the source detection, as a number or an image; 0 for a
            background-subtracted image. It is not subtracted from the stamps.
        partial : {'drop', 'fill'}, optional
            Drop stamps that are partly outside the image, or fill those pixels with
            ``fill_value`` and mask them.
        outside : {'refuse', 'keep'}, optional
            For stamps to be filled that lie entirely outside the image: raise an error, or, with
            ``partial='fill'``, keep them with all pixels masked, so that there is a stamp for each
            position.
        fill_value : float, optional
            Value of pixels outside the image, and of exact zeros that stand for missing data.
        mask : array_like of bool, path-like or HDU, optional
            True for pixels to mask in addition to the mask of the image; or a FITS file or an HDU
            with a mask, as in `~astro_wgan.images.read_image`.
        pixel_scale : `~astropy.units.Quantity`, optional
            Angle of a pixel, for an image without WCS.
        psf : array_like, optional
            Image of the point spread function at the same pixel scale.
        bands : sequence of str or `~astro_wgan.stamps.Band`, optional
            Names of the bands of a list of images or a cube, by default ``'0'``, ``'1'``, ...; or
            three for the red, green and blue of a picture, of which luminance is taken otherwise;
            or that of the band of one image.
        hdu, plane, zeros, max_size : optional
            HDU of a FITS file, plane of a cube, meaning of exact zeros, and limit on the memory;
            as in `~astro_wgan.images.read_image`.
        neighbors : {'keep', 'mask', 'replace'} or `~astro_wgan.neighbors.NeighborConfig`, optional
            What happens to sources that are not connected with the central one: they are kept,
            masked, or replaced by sky around. Sources are detected in the whole image, in the first
            of several bands. A NeighborConfig has deblending, engine and other options.
        stars : {'keep', 'mask'}, optional
            Whether point sources beside and on the galaxies are masked, with the halos and spikes
            of saturated ones. Their width is that of ``psf``, or measured from the compact round
            sources of the image.
        layout, weight, uncertainty, bits, remote : optional
            Meaning of the extensions and files of a survey, weight map, standard deviations, bad
            bits of masks, and how files at URIs are read; as in `~astro_wgan.images.read_image`.

        Returns
        -------
        `StampSet`
            Its table has the columns ``id`` (that of the given table, or the row in ``positions``,
            which shows which were dropped), ``x``, ``y`` and, with a WCS, ``sky`` (ICRS). Detected
            sources also have ``isophotal_flux``, ``peak``, ``semimajor_axis``,
            ``semiminor_axis``, ``orientation``, ``area`` and ``sep_flag`` (the bits of SEP),
            which SEP measures from the pixels above the threshold. ``isophotal_flux`` is the sum
            of these pixels, multiplied by their solid angle if they are a surface brightness
            (K pix2 if they are in K); ``orientation`` is the angle of the major axis, in degrees
            counterclockwise from the +x axis. If neighbors or stars are removed, there are
            ``n_neighbors``, ``neighbor_fraction``, ``central_detected``, ``n_stars``,
            ``star_fraction`` and ``central_star``. With ``scale`` there are ``source_radius``, in
            pixels of the image, ``scale_factor``, pixels of the image along a pixel of the stamp,
            and ``noise_correlation`` (see Notes).
            ``meta['dropped']`` is the number of dropped positions, and ``meta['not_converged']``
            the number of those for which the inverse of the distortion of the WCS does not
            converge. If the layout of the image knows its zero point, it is that of the band:
            ``bands[0].zero_point``.

        Raises
        ------
        ValueError
            If an argument is out of range, ``size`` is an angle and the pixel scale is unknown, a
            position or an id is masked or not finite, columns disagree by more than 3 pixels, the
            image is smaller than a stamp, all stamps are outside the image, or one is that is to be
            filled. If images of several bands differ in shape, by a twentieth of a pixel in their
            WCS, or in whether they have a WCS, an uncertainty or a unit that converts.
        astro_wgan.exceptions.DetectionError
            If no source is detected; or neighbors are to be removed from an image without noise, or
            the width of stars is not known and cannot be measured.
        astro_wgan.exceptions.ImageError
            If the image cannot be read or has no usable pixel.

        Warns
        -----
        AstropyUserWarning
            If the inverse of the distortion of the WCS does not converge at a position.

        See Also
        --------
        astropy.nddata.Cutout2D : The same for one stamp; pixels, mask and WCS agree exactly.

        Notes
        -----
        The first pixel of a stamp is ``ceil(x - nx / 2)``, as in `~astropy.nddata.Cutout2D`: the
        central pixel of an odd edge is the one nearest to the position.

        With ``scale``, positions are exactly in the center. Fluxes are conserved, and surface
        brightness is averaged, as by `reproject`; WCS and `pixel_area` are those of each stamp,
        while the set has no `pixel_scale` and no PSF, since they vary. The uncertainty is right
        for the flux in an aperture, as if pixels were independent; the scatter between them is
        smaller by the factor ``noise_correlation`` (R of Fruchter & Hook 2002). Sources without
        measurable radius keep the pixels of the image (NaN in ``source_radius``); those of given
        positions are the nearest sources that are detected with ``detection``. Stamps can extend
        beyond the image (``partial``) by more or less than those of the same ``size``.

        Examples
        --------
        >>> from astro_wgan import StampSet, datasets
        >>> image = datasets.load_image('mock_f814w')
        >>> positions = [(100, 80), (60, 120.5), (249, 3)]
        >>> stamps = StampSet.from_image(image, size=32, positions=positions)
        >>> stamps
        <StampSet: 2 stamps of 32 x 32 pixels, float32, unit electron / s, 0.03 arcsec / pix>
        >>> stamps.meta['dropped']
        1
        """
        # Not at the top: see `astro_wgan.stamps.base`.
        from astro_wgan.cutouts.cutting import cut_arguments

        cut = cut_arguments(
            image,
            colors=bands is not None,
            size=size,
            scale=scale,
            positions=positions,
            detection=detection,
            background=background,
            partial=partial,
            outside=outside,
            fill_value=fill_value,
            mask=mask,
            pixel_scale=pixel_scale,
            psf=psf,
            hdu=hdu,
            plane=plane,
            zeros=zeros,
            max_size=max_size,
            neighbors=neighbors,
            stars=stars,
            layout=layout,
            weight=weight,
            uncertainty=uncertainty,
            bits=bits,
            remote=remote,
        )
        if isinstance(cut, dict):
            return cls._of_one_band(cut, bands)
        names = as_bands(bands, len(cut))
        return cls.from_bands(dict(zip(names, (cls(**band) for band in cut), strict=True)))

    geometry = Checked(
        lambda stamps, geometry: StampGeometry.of(
            len(stamps.pixels), stamps.shape, geometry=geometry
        ),
        'Parent image and position of each stamp: '
        '`~astro_wgan.astrometry.stamp_geometry.StampGeometry`. Assigning None removes the WCS.',
    )
    pixel_scale = Checked(
        lambda _, scale: None if scale is None else as_pixel_scale(scale),
        'Angle of a pixel, in arcsec / pix, or None.',
    )
    psf = Checked(lambda _, psf: as_psf(psf), 'Image of the PSF, or None.')
    bands = Checked(
        _checked_bands,
        '`~astro_wgan.stamps.Band` of each band, as a tuple, which is empty for plain images of '
        'an unnamed band.',
    )
    table = Checked(
        lambda stamps, table: as_table(table, len(stamps)),
        '`~astropy.table.QTable` with a row for each stamp and a column ``id``.',
    )

    def __len__(self):
        return len(self.pixels)

    def _in_memory(self):
        return self

    def __eq__(self, other):
        return same_sets(self, other) if isinstance(other, StampSet) else NotImplemented

    __hash__ = None  # since sets are mutable

    def _rows(self, rows):
        rows = stamp_index(rows, len(self))
        return StampSet(
            self.pixels[rows],
            uncertainty=None if self.uncertainty is None else self.uncertainty[rows],
            mask=None if self.mask is None else self.mask[rows],
            unit=self.unit,
            pixel_scale=self.pixel_scale,
            psf=self.psf,
            bands=self.bands,
            geometry=self.geometry[rows],
            table=self.table[rows],
            meta=self.meta,
            axes=own_axes(self.pixels.ndim),
            assume_finite=True,
        )

    def _distinct_rows(self, rows):
        """Some stamps, none twice, of a set that is as it was made: little is checked again."""
        parts = dict(self.__dict__, meta=dict(self.meta))
        for name in ('_pixels', '_uncertainty', '_mask', '_geometry', '_table'):
            parts[name] = None if parts[name] is None else parts[name][rows]
        parts['_mask'] = as_mask(parts['_mask'], parts['_pixels'], assume_finite=True)
        stamps = object.__new__(StampSet)
        stamps.__dict__.update(parts)
        if self.pixel_scale is None:
            stamps.pixel_scale = stamps.geometry.pixel_scale(self.shape)
        return stamps

    def __copy__(self):
        return self.replace()
