"""`StampSet`: a set of equally large stamps with all that astronomers keep beside the pixels."""

from copy import deepcopy

import numpy as np

from astro_wgan.astrometry.stamp_geometry import StampGeometry, WCSSequence
from astro_wgan.stamps.arrays import Checked, StampArrays
from astro_wgan.stamps.batches import batch_bounds, tf_dataset
from astro_wgan.stamps.changes import changed_arguments, cropped_arguments
from astro_wgan.stamps.comparison import same_sets
from astro_wgan.stamps.joining import joined_arguments
from astro_wgan.stamps.validation import as_table
from astro_wgan.validation.axis_order import own_axes
from astro_wgan.validation.indices import stamp_index
from astro_wgan.validation.pixels import as_pixel_scale, as_psf

__all__ = ['StampSet', 'concatenate']


class StampSet(StampArrays):
    """
    Stamps of one size: pixels, uncertainty, mask, unit, scale, WCS and a table row for each.

    Parameters
    ----------
    pixels : array_like, shape (n, ny, nx) or (n, ny, nx, bands)
        The images. A `~astropy.units.Quantity` brings its unit; a masked array, or
        `~astropy.utils.masked.Masked`, its mask. Integers become floats.
    uncertainty : array_like or `~astropy.nddata.NDUncertainty`, optional
        Standard deviation of each pixel, in the unit of the pixels; same shape as ``pixels``.
        Where it is masked, it is not known: it becomes NaN, and the pixel is masked.
    mask : array_like of bool, optional
        True where a pixel must not be used; shape (n, ny, nx), or that of ``pixels``. Pixels
        that are not finite are masked in any case.
    unit : unit-like, optional
        Unit of the pixels; none is assumed.
    pixel_scale : `~astropy.units.Quantity`, optional
        Angle on the sky of one pixel's edge (angle, or angle per pixel). When it is not given,
        it is taken from the WCS in the middle of the first stamp; `pixel_area` has that of each.
    psf : array_like, optional
        Image of the point spread function, at the pixel scale of the stamps.
    wcs : sequence of `~astropy.wcs.WCS`, optional
        One for each stamp (or None for a stamp without).
    table : `~astropy.table.QTable`, optional
        A row for each stamp. Column ``id`` (unique) is added when it is missing.
    meta : dict, optional
        Provenance: whatever belongs to the set as a whole.
    geometry : `~astro_wgan.astrometry.stamp_geometry.StampGeometry`, optional
        Where the stamps were cut; instead of ``wcs``.
    axes : str, optional
        Order of the axes of ``pixels``, ``uncertainty`` and ``mask`` where it is another: a letter
        for each, n (stamps), y, x and b (bands), such as ``'nbyx'`` for bands first.
    assume_finite : bool, optional
        Do not look for pixels that are not finite: the caller vouches that all such are masked.

    Raises
    ------
    ValueError
        If shapes disagree, ids are masked or not unique, or the pixels are not a stack of images,
        or have their bands first.
    TypeError
        If ``pixels`` are not numbers.
    astropy.units.UnitConversionError
        If ``pixels`` or ``uncertainty`` do not convert to ``unit``.

    Notes
    -----
    A slice of a set is a set: ``stamps[3:7]``, ``stamps[stamps.table['score'] > 2]``. An integer
    gives a set of one stamp. Arrays are shared where NumPy shares them.

    ``pixels``, ``uncertainty``, ``mask``, ``table``, ``psf`` and ``pixel_scale`` can be assigned,
    and are checked as they are here: what is not finite is masked. What is written into one of
    these arrays is not looked at.

    Two sets are equal (``==`` gives one truth value) if these are, NaN with NaN, to the last digit
    and in the same unit: pixels (masked ones, too), uncertainty, valid pixels, unit, pixel scale,
    PSF, places and WCS, columns of the table in any order. Dtypes and ``meta`` may differ.

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
        self.meta = {} if meta is None else dict(meta)

    # The reference lists a class's own members alone.
    geometry = Checked(
        lambda stamps, geometry: StampGeometry.of(
            len(stamps.pixels), stamps.shape, geometry=geometry
        ),
        'Where each stamp lies in its image: '
        '`~astro_wgan.astrometry.stamp_geometry.StampGeometry`; None becomes that of stamps '
        'without WCS.',
    )
    pixel_scale = Checked(
        lambda _, scale: None if scale is None else as_pixel_scale(scale),
        'Angle of a pixel, in arcsec / pix, or None.',
    )
    psf = Checked(lambda _, psf: as_psf(psf), 'Image of the PSF, or None.')
    table = Checked(
        lambda stamps, table: as_table(table, len(stamps)),
        'A row for each stamp: `~astropy.table.QTable` with a column ``id``.',
    )
    pixels, uncertainty, mask = StampArrays.pixels, StampArrays.uncertainty, StampArrays.mask
    unit, quantity, valid = StampArrays.unit, StampArrays.quantity, StampArrays.valid
    shape, bands = StampArrays.shape, StampArrays.bands
    band, filled = StampArrays.band, StampArrays.filled

    def __len__(self):
        return len(self.pixels)

    def __repr__(self):
        ny, nx = self.shape
        parts = [f'{len(self)} stamps of {ny} x {nx} pixels']
        if self.bands is not None:
            parts.append(f'{self.bands} bands')
        parts.append(str(self.pixels.dtype))
        if self.unit is not None:
            parts.append(f'unit {self.unit}')
        if self.pixel_scale is not None:
            parts.append(f'{self.pixel_scale:.4g}')
        return f'<StampSet: {", ".join(parts)}>'

    @property
    def ids(self):
        """The column ``id`` of the table, as an array."""
        return np.asarray(self.table['id'])

    @property
    def pixel_area(self):
        """
        Solid angle of a pixel in the middle of each stamp, in arcsec**2 / pix**2; None if unknown.

        By the WCS of the stamp; for a stamp without, the square of the set's pixel scale.
        """
        area = self.geometry.pixel_area(self.shape)
        without = ~self.geometry.has_celestial
        if without.any() and self.pixel_scale is not None:
            area[without] = self.pixel_scale**2
        return None if without.all() and self.pixel_scale is None else area

    @property
    def wcs(self):
        """One `~astropy.wcs.WCS` (or None) per stamp: a sequence that makes them on demand."""
        return WCSSequence(self.geometry, self.shape)

    def __eq__(self, other):
        return same_sets(self, other) if isinstance(other, StampSet) else NotImplemented

    __hash__ = None  # since it can be changed

    def __getitem__(self, rows):
        rows = stamp_index(rows, len(self))
        return StampSet(
            self.pixels[rows],
            uncertainty=None if self.uncertainty is None else self.uncertainty[rows],
            mask=None if self.mask is None else self.mask[rows],
            unit=self.unit,
            pixel_scale=self.pixel_scale,
            psf=self.psf,
            geometry=self.geometry[rows],
            table=self.table[rows],
            meta=self.meta,
            axes=own_axes(self.pixels.ndim),
            assume_finite=True,
        )

    def __iter__(self):
        for i in range(len(self)):
            yield self[i]

    def replace(self, **changes):
        """
        A set with other pixels, or with anything else that is not as it was.

        Parameters
        ----------
        **changes
            Any arguments of `StampSet` but ``axes``. Pixels come in the unit of the set, or in
            ``unit``, or as a Quantity that is converted. A new ``unit`` converts pixels and
            uncertainty that are not given, unless the set had none.

        Returns
        -------
        `StampSet`
            What is not named is shared with this set, as it is by a slice: arrays, columns of the
            table, geometry and PSF. The mask stays and grows by pixels that are not finite. With
            other ``wcs`` or ``geometry`` the pixel scale is theirs, where they have one.

        Raises
        ------
        TypeError
            If there is no such argument.
        ValueError
            If what is given does not fit what is not.
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
        return StampSet(**changed_arguments(self, changes))

    def crop(self, size):
        """
        The middle of each stamp, pixel for pixel.

        Parameters
        ----------
        size : int or tuple of int
            Pixels along an edge, or ``(ny, nx)``; at most those of the stamps.

        Returns
        -------
        `StampSet`
            With the same arrays, of which it shows a part, and WCS and geometry that follow. Where
            edges are even and odd, the middle is that of `~astropy.nddata.Cutout2D`.

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
        return StampSet(**cropped_arguments(self, size))

    def copy(self):
        """A set of the same values that shares nothing with this one."""
        return deepcopy(self)

    __copy__ = replace

    def split(self, fraction, *, seed):
        """
        Two sets without a common stamp, drawn at random.

        Parameters
        ----------
        fraction : float
            Share of the stamps that goes into the first set, between 0 and 1.
        seed : int
            The same seed gives the same sets.

        Returns
        -------
        first, second : `StampSet`
            Each in the order of this set.
        """
        if not 0 <= fraction <= 1:
            raise ValueError(f'`fraction` must lie between 0 and 1; got {fraction}.')
        order = np.random.default_rng(seed).permutation(len(self))
        count = round(fraction * len(self))
        return self[np.sort(order[:count])], self[np.sort(order[count:])]

    def batches(self, size, *, shuffle=False, seed=0, drop_remainder=False, start=0):
        """
        Walk over the set in sets of ``size`` stamps.

        Parameters
        ----------
        size : int
            Stamps per batch; the last batch holds what is left.
        shuffle : bool, optional
            Draw the stamps in a random order, each once.
        seed : int or tuple of int, optional
            Seed of that order; ``(seed, epoch)`` gives each epoch its own.
        drop_remainder : bool, optional
            Leave out a last batch that is not full.
        start : int, optional
            Stamps of that order to leave out at the beginning.

        Returns
        -------
        iterator of `StampSet`
        """
        n = len(self)
        bounds = batch_bounds(n, size, start=start, drop_remainder=drop_remainder)
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
            Elements are float32; images of one band have a last axis of length 1. It knows how
            many batches it has, and can be walked over again, in the same order.
        """
        options = {'shuffle': shuffle, 'seed': seed, 'drop_remainder': drop_remainder}
        return tf_dataset(self, batch_size, **options)

    @classmethod
    def from_image(cls, image, **options):
        """Cut stamps from an image: see `~astro_wgan.stamps.cut_stamps` for all arguments."""
        from astro_wgan.cutouts.cutting import cut_stamps

        return cut_stamps(image, **options)

    @classmethod
    def from_cutout2d(cls, cutouts, **options):
        """Join `~astropy.nddata.Cutout2D` objects: see `~astro_wgan.stamps.join_cutouts`."""
        from astro_wgan.cutouts.conversion import join_cutouts

        return join_cutouts(cutouts, **options)

    def to_cutout2d(self):
        """A list of `~astropy.nddata.Cutout2D`, one per stamp, as if cut from the parents."""
        from astro_wgan.cutouts.conversion import to_cutout2d

        return to_cutout2d(self)

    def to_ccddata(self):
        """A list of `~astropy.nddata.CCDData`, one per stamp, with mask, uncertainty and WCS."""
        from astro_wgan.cutouts.conversion import to_ccddata

        return to_ccddata(self)

    def to_store(self, path, **options):
        """Write into a new store: see `~astro_wgan.store.StampStore.create` for all arguments."""
        from astro_wgan.store.stampstore import StampStore

        store = StampStore.create(path, like=self, **options)
        store.append(self)
        return store

    def reproject(self, **options):
        """On another pixel scale and orientation: see `~astro_wgan.stamps.reproject_stamps`."""
        from astro_wgan.cutouts.reprojection import reproject_stamps

        return reproject_stamps(self, **options)


def concatenate(sets, *, renumber=False):
    """
    One set from several of the same size, unit and pixel scale.

    Parameters
    ----------
    sets : sequence of `StampSet`
        At least one. Uncertainty must be in all or in none; a missing mask means that nothing is
        masked. Table columns that only some have are filled as `~astropy.table.vstack` does.
    renumber : bool, optional
        Number the stamps from 0, for sets that share ids, as those cut from different images do.
        The former ids become the column ``former_id``; one of that name becomes
        ``former_id_input``.

    Returns
    -------
    `StampSet`
        With the PSF, if all sets have the same, and with their ``meta``, or as ``meta['parts']``
        a list of them where they differ.

    Raises
    ------
    ValueError
        If the list is empty, shapes, units or pixel scales disagree, or an id occurs twice.

    Examples
    --------
    >>> import numpy as np
    >>> from astro_wgan.stamps import StampSet, concatenate
    >>> stamps = StampSet(np.ones((5, 32, 32)))
    >>> len(concatenate([stamps[:2], stamps[4]]))
    3
    """
    return StampSet(**joined_arguments(list(sets), renumber))
