"""`StampSet`: a set of equally large stamps with all that astronomers keep beside the pixels."""

import numpy as np
from astropy import units as u
from astropy.table import vstack

from astro_wgan.stamps import checks
from astro_wgan.stamps.batches import batch_bounds, tf_dataset
from astro_wgan.stamps.geometry import StampGeometry, WCSSequence

__all__ = ['StampSet', 'concatenate']


class StampSet:
    """
    Stamps of one size: pixels, uncertainty, mask, unit, scale, WCS and a table row for each.

    Parameters
    ----------
    pixels : array_like, shape (n, ny, nx) or (n, ny, nx, bands)
        The images. A `~astropy.units.Quantity` brings its unit. Integers become floats.
    uncertainty : array_like, optional
        Standard deviation of each pixel, in the unit of the pixels; same shape as ``pixels``.
    mask : array_like of bool, optional
        True where a pixel must not be used; shape (n, ny, nx), or that of ``pixels``. Pixels
        that are not finite are masked in any case.
    unit : unit-like, optional
        Unit of the pixels; none is assumed.
    pixel_scale : `~astropy.units.Quantity`, optional
        Angle on the sky of one pixel's edge (angle, or angle per pixel). When it is not given,
        it is taken from the WCS of the first stamp.
    psf : array_like, optional
        Image of the point spread function, at the pixel scale of the stamps.
    wcs : sequence of `~astropy.wcs.WCS`, optional
        One for each stamp (or None for a stamp without).
    table : `~astropy.table.QTable`, optional
        A row for each stamp. Column ``id`` (unique) is added when it is missing.
    meta : dict, optional
        Provenance: whatever belongs to the set as a whole.
    geometry : `~astro_wgan.stamps.geometry.StampGeometry`, optional
        Where the stamps were cut; instead of ``wcs``.
    assume_finite : bool, optional
        Do not look for pixels that are not finite: the caller vouches that all such are masked.

    Raises
    ------
    ValueError
        If shapes disagree, ids are not unique, or the pixels are not a stack of images.
    TypeError
        If ``pixels`` are not numbers.

    Notes
    -----
    A slice of a set is a set: ``stamps[3:7]``, ``stamps[stamps.table['score'] > 2]``. An integer
    gives a set of one stamp. Arrays are shared where NumPy shares them.

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
        assume_finite=False,
    ):
        if isinstance(pixels, u.Quantity):
            unit = pixels.unit if unit is None else u.Unit(unit)
            pixels = pixels.to_value(unit)
        self.pixels = checks.as_stack(pixels)
        # No unit and dimensionless are one and the same.
        self.unit = None if unit in (None, u.dimensionless_unscaled) else u.Unit(unit)
        self.uncertainty = checks.as_uncertainty(uncertainty, self.pixels, self.unit)
        self.mask = checks.as_mask(mask, self.pixels, assume_finite=assume_finite)
        self.geometry = StampGeometry.of(len(self.pixels), self.shape, wcs, geometry)
        if pixel_scale is None:
            pixel_scale = self.geometry.pixel_scale
        self.pixel_scale = None if pixel_scale is None else checks.as_pixel_scale(pixel_scale)
        self.psf = None if psf is None else np.asarray(psf, dtype=float)
        self.table = checks.as_table(table, len(self.pixels))
        self.meta = {} if meta is None else dict(meta)

    # What the set is

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
    def shape(self):
        """``(ny, nx)`` of each stamp."""
        return self.pixels.shape[1:3]

    @property
    def bands(self):
        """Number of bands, or None for plain images ``(n, ny, nx)``."""
        return self.pixels.shape[3] if self.pixels.ndim == 4 else None

    @property
    def ids(self):
        """The column ``id`` of the table, as an array."""
        return np.asarray(self.table['id'])

    @property
    def wcs(self):
        """One `~astropy.wcs.WCS` (or None) per stamp: a sequence that makes them on demand."""
        return WCSSequence(self.geometry, self.shape)

    @property
    def quantity(self):
        """The pixels with their unit, as a `~astropy.units.Quantity` that shares their memory."""
        return u.Quantity(self.pixels, self.unit or u.dimensionless_unscaled, copy=False)

    @property
    def valid(self):
        """True for each pixel that may be used: finite and not masked. Shape of the pixels."""
        if self.mask is None:
            return np.ones(self.pixels.shape, dtype=bool)
        mask = self.mask
        if mask.ndim < self.pixels.ndim:
            mask = np.broadcast_to(mask[..., np.newaxis], self.pixels.shape)
        return ~mask

    def filled(self, fill_value=None):
        """
        The pixels with each masked one replaced, ready for code that knows no masks.

        Parameters
        ----------
        fill_value : float, optional
            The value to put in. By default the median of the same stamp's (and band's) valid
            pixels, which is the sky in most stamps; 0 for a stamp without any.

        Returns
        -------
        `~numpy.ndarray`
            The pixels themselves where nothing is masked, otherwise a copy.
        """
        if self.mask is None:
            return self.pixels
        valid = self.valid
        if fill_value is not None:
            return np.where(valid, self.pixels, self.pixels.dtype.type(fill_value))
        filled = self.pixels.copy()
        for i in np.flatnonzero(~valid.all(axis=(1, 2, 3)[: valid.ndim - 1])):
            stamp, good = np.atleast_3d(filled[i]), np.atleast_3d(valid[i])
            for band in range(stamp.shape[-1]):
                pixels, use = stamp[..., band], good[..., band]
                pixels[~use] = np.median(pixels[use]) if use.any() else 0
        return filled

    # Parts and unions

    def __getitem__(self, rows):
        if isinstance(rows, (int, np.integer)):
            rows = slice(*_one_row(rows, len(self)))
        elif not isinstance(rows, slice):
            rows = np.asarray(rows)
            if rows.dtype == bool and rows.shape != (len(self),):
                raise IndexError(
                    f'A boolean selection of stamps must have length {len(self)}; '
                    f'got shape {rows.shape}.'
                )
            if rows.ndim != 1:
                raise IndexError(f'Stamps are chosen along one axis; got shape {rows.shape}.')
            if rows.size == 0:
                rows = rows.astype(np.int64)
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
            assume_finite=True,
        )

    def __iter__(self):
        for i in range(len(self)):
            yield self[i]

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

    # Doors to other rooms

    @classmethod
    def from_image(cls, image, **options):
        """Cut stamps from an image: see `~astro_wgan.stamps.cut_stamps` for all arguments."""
        from astro_wgan.stamps.cutout import cut_stamps

        return cut_stamps(image, **options)

    @classmethod
    def from_cutout2d(cls, cutouts, **options):
        """Join `~astropy.nddata.Cutout2D` objects: see `~astro_wgan.stamps.join_cutouts`."""
        from astro_wgan.stamps.convert import join_cutouts

        return join_cutouts(cutouts, **options)

    def to_cutout2d(self):
        """A list of `~astropy.nddata.Cutout2D`, one per stamp, as if cut from the parents."""
        from astro_wgan.stamps.convert import to_cutout2d

        return to_cutout2d(self)

    def to_ccddata(self):
        """A list of `~astropy.nddata.CCDData`, one per stamp, with mask, uncertainty and WCS."""
        from astro_wgan.stamps.convert import to_ccddata

        return to_ccddata(self)

    def to_store(self, path, **options):
        """Write into a new store: see `~astro_wgan.stamps.StampStore.create` for all arguments."""
        from astro_wgan.stamps.store import StampStore

        store = StampStore.create(path, like=self, **options)
        store.append(self)
        return store

    def reproject(self, **options):
        """On another pixel scale and orientation: see `~astro_wgan.stamps.reproject_stamps`."""
        from astro_wgan.stamps.align import reproject_stamps

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
        The former ids become the column ``former_id``.

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
    sets = list(sets)
    if not sets:
        raise ValueError('`sets` must hold at least one StampSet; got none.')
    first = sets[0]
    for other in sets[1:]:
        checks.check_alike(first, other)
    mask = None
    if any(s.mask is not None for s in sets):
        mask = np.concatenate([~s.valid for s in sets])
    uncertainty = None
    if first.uncertainty is not None:
        uncertainty = np.concatenate([s.uncertainty for s in sets])
    same_psf = all(np.array_equal(s.psf, first.psf) for s in sets)
    same_meta = all(s.meta == first.meta for s in sets)
    return StampSet(
        np.concatenate([s.pixels for s in sets]),
        uncertainty=uncertainty,
        mask=mask,
        unit=first.unit,
        pixel_scale=first.pixel_scale,
        psf=first.psf if same_psf else None,
        geometry=StampGeometry.concatenate([s.geometry for s in sets]),
        table=_joined_table(sets, renumber),
        meta=first.meta if same_meta else {'parts': [s.meta for s in sets]},
        assume_finite=True,
    )


def _joined_table(sets, renumber):
    tables = [s.table for s in sets]
    table = vstack(tables, metadata_conflicts='silent') if len(tables) > 1 else tables[0].copy()
    if renumber:
        former = table['id']
        table['id'] = np.arange(len(table))
        table['former_id'] = former
    return table


def _one_row(row, n):
    if not -n <= row < n:
        raise IndexError(f'Stamp {row} was asked for, of a set of {n}.')
    return row % n, row % n + 1
