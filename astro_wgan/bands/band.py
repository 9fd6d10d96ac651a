"""`Band`: name, wavelength, zero point and PSF of one band of stamps."""

from collections import Counter
from dataclasses import KW_ONLY, dataclass, replace
from numbers import Integral

import numpy as np
from astropy import units as u

from astro_wgan.validation.pixels import as_psf

__all__ = [
    'Band',
    'as_ab_magnitude',
    'as_bands',
    'band_names',
    'band_number',
    'check_same_bands',
    'joint_bands',
    'names_of',
    'rescaled_band',
    'unnamed_bands',
]


@dataclass(frozen=True, eq=False, repr=False)
class Band:
    """
    A band of stamps.

    Parameters
    ----------
    name : str
        Name, such as ``'r'`` or ``'F814W'``, by which the band is chosen: ``stamps['r']``.
    wavelength : `~astropy.units.Quantity`, optional
        Effective wavelength, a length.
    zero_point : `~astropy.units.Quantity` or float, optional
        AB magnitude of a flux of 1 in the unit of the pixels. Units of flux density, such as nJy,
        imply it.
    psf : array_like, optional
        Image of the point spread function, at the pixel scale of the stamps.

    Raises
    ------
    TypeError
        If ``name`` is not a text.
    ValueError
        If a value is out of range, or ``zero_point`` is not in AB magnitudes.
    astropy.units.UnitsError
        If ``wavelength`` is not a length.

    Notes
    -----
    Two bands are equal if all four are equal.

    Examples
    --------
    >>> from astropy import units as u
    >>> from astro_wgan.stamps import Band
    >>> Band('r', wavelength=620 * u.nm, zero_point=22.5)
    Band('r', wavelength=620 nm, zero_point=22.5 mag(AB))
    """

    name: str
    _: KW_ONLY
    wavelength: u.Quantity | None = None
    zero_point: u.Quantity | None = None
    psf: np.ndarray | None = None

    def __post_init__(self):
        if not isinstance(self.name, str):
            raise TypeError(f'`name` of a band must be a text; got {self.name!r}.')
        if not self.name.strip():
            raise ValueError(f'`name` of a band must not be empty; got {self.name!r}.')
        # Text of NumPy becomes plain, so that it can be written to files.
        object.__setattr__(self, 'name', str(self.name))
        object.__setattr__(self, 'wavelength', _as_wavelength(self.wavelength))
        object.__setattr__(self, 'zero_point', _as_zero_point(self.zero_point))
        object.__setattr__(self, 'psf', as_psf(self.psf))
        if self.psf is not None and self.psf.ndim != 2:
            raise ValueError(f'`psf` of a band must be an image; got the shape {self.psf.shape}.')

    def __repr__(self):
        parts = [repr(self.name)]
        for name in ('wavelength', 'zero_point'):
            value = getattr(self, name)
            if value is not None:
                parts.append(f'{name}={value:.6g}')
        if self.psf is not None:
            parts.append(f'psf=<{self.psf.shape[0]} x {self.psf.shape[1]} pixels>')
        return f'Band({", ".join(parts)})'

    def __eq__(self, other):
        if not isinstance(other, Band):
            return NotImplemented
        same = self.name == other.name and (self.psf is None) == (other.psf is None)
        if not same or (self.psf is not None and not np.array_equal(self.psf, other.psf)):
            return False
        return all(
            _same(getattr(self, name), getattr(other, name))
            for name in ('wavelength', 'zero_point')
        )

    def __hash__(self):
        return hash(self.name)

    def to_dict(self):
        """
        Plain values of all but the PSF, for files.

        Returns
        -------
        dict
            ``name``, ``wavelength`` in Angstrom and ``zero_point``; numbers or None.
        """
        length, magnitude = self.wavelength, self.zero_point
        return {
            'name': self.name,
            'wavelength': None if length is None else float(length.to_value(u.AA)),
            'zero_point': None if magnitude is None else float(magnitude.value),
        }

    @classmethod
    def from_dict(cls, values, *, psf=None):
        """
        The inverse of `to_dict`.

        Parameters
        ----------
        values : dict
        psf : array_like, optional
            Image of the PSF.

        Returns
        -------
        `Band`
        """
        length = values['wavelength']
        return cls(
            values['name'],
            wavelength=None if length is None else length * u.AA,
            zero_point=values['zero_point'],
            psf=psf,
        )


def unnamed_bands(n_bands):
    """
    Bands of stamps whose bands have no names: ``'0'``, ``'1'``, ...; none of plain images.

    Examples
    --------
    >>> from astro_wgan.bands.band import unnamed_bands
    >>> unnamed_bands(2)
    (Band('0'), Band('1'))
    """
    return tuple(Band(str(k)) for k in range(n_bands or 0))


def as_bands(bands, n_bands):
    """
    The bands of stamps, from bands or their names.

    Parameters
    ----------
    bands : sequence of `Band` or str, or None
        One for each band. Plain images have one band, or none.
    n_bands : int or None
        Number of bands of the stamps; None for plain images.

    Returns
    -------
    tuple of `Band`

    Raises
    ------
    TypeError
        If an entry is neither a Band nor a name.
    ValueError
        If their number is wrong, or a name occurs twice.

    Examples
    --------
    >>> from astro_wgan.bands.band import as_bands
    >>> as_bands(['g', 'r'], 2)
    (Band('g'), Band('r'))
    """
    if bands is None:
        return unnamed_bands(n_bands)
    if isinstance(bands, (str, Band)):
        bands = [bands]
    bands = tuple(Band(band) if isinstance(band, str) else band for band in bands)
    for band in bands:
        if not isinstance(band, Band):
            raise TypeError(f'`bands` must be names or `Band`s; got {band!r}.')
    repeated = [name for name, count in Counter(band.name for band in bands).items() if count > 1]
    if repeated:
        raise ValueError(f'`bands` must have different names; {repeated[0]!r} occurs twice.')
    if n_bands is None and len(bands) > 1:
        raise ValueError(f'`bands` of plain images must be one band; got {len(bands)}.')
    if n_bands is not None and len(bands) != n_bands:
        raise ValueError(f'`bands` must be {n_bands}, as those of the pixels; got {len(bands)}.')
    return bands


def band_number(band, bands, name='band'):
    """
    Number of a band, from its name or number.

    Parameters
    ----------
    band : str or int
        Name, or number from 0.
    bands : sequence of `Band`
        The bands of the stamps.
    name : str, optional
        Name of the argument for errors.

    Returns
    -------
    int

    Raises
    ------
    ValueError
        If there is no such band.

    Examples
    --------
    >>> from astro_wgan.bands.band import as_bands, band_number
    >>> band_number('r', as_bands(['g', 'r'], 2))
    1
    """
    names = [each.name for each in bands]
    if isinstance(band, str) and band in names:
        return names.index(band)
    is_whole = isinstance(band, Integral) and not isinstance(band, (bool, np.bool_))
    if is_whole and 0 <= band < len(names):
        return int(band)
    named = '' if bands == unnamed_bands(len(names)) else f' ({", ".join(names)})'
    raise ValueError(f'`{name}` must be a band, from 0 to {len(names) - 1}{named}; got {band!r}.')


def band_names(index):
    """
    Names of bands, if an index of stamps is one of them or a list of them; otherwise None.

    Examples
    --------
    >>> from astro_wgan.bands.band import band_names
    >>> band_names('r'), band_names(['g', 'r']), band_names([0, 1])
    ('r', ['g', 'r'], None)
    """
    if isinstance(index, str):
        return index
    if isinstance(index, np.ndarray) and index.ndim == 1:
        index = index.tolist()
    is_list = isinstance(index, (list, tuple)) and len(index) > 0
    return list(index) if is_list and all(isinstance(name, str) for name in index) else None


def check_same_bands(first, other):
    """
    Make sure that stamps have the same bands, so that they can be joined.

    Plain images of a band without name can be joined with any others.

    Raises
    ------
    ValueError
        If names or zero points disagree.
    """
    if not first or not other:
        return
    names = [', '.join(band.name for band in bands) for bands in (first, other)]
    if names[0] != names[1]:
        raise ValueError(
            f'Only stamps of the same bands can be joined; got {names[0]} and {names[1]}. '
            '`stamps.replace(bands=...)` gives other names, `stamps[[...]]` another order.'
        )
    for one, two in zip(first, other, strict=True):
        if not _same(one.zero_point, two.zero_point):
            raise ValueError(
                f'Only stamps of one zero point can be joined; got {one.zero_point} and '
                f'{two.zero_point} in band {one.name}: scale the pixels, and replace `bands`.'
            )


def joint_bands(bands):
    """
    Bands of joined stamps: without what differs.

    Parameters
    ----------
    bands : list of tuple of `Band`
        The bands of each set, which can be joined.

    Returns
    -------
    tuple of `Band`
    """
    first = bands[0]
    if any(not others for others in bands):
        return ()
    changes = [{} for _ in first]
    for k, band in enumerate(first):
        if any(not _same(band.wavelength, others[k].wavelength) for others in bands):
            changes[k]['wavelength'] = None
        if any(not np.array_equal(band.psf, others[k].psf) for others in bands):
            changes[k]['psf'] = None
    return tuple(replace(band, **change) for band, change in zip(first, changes, strict=True))


def names_of(bands):
    """Names of bands, as a list; that of the only band without name is ``'0'``."""
    return [band.name for band in bands or unnamed_bands(1)]


def rescaled_band(band, factor):
    """The band of pixels whose values are multiplied by a factor: its zero point is another."""
    if band.zero_point is None:
        return band
    return replace(band, zero_point=band.zero_point.value + 2.5 * np.log10(factor))


def _as_wavelength(wavelength):
    if wavelength is None:
        return None
    wavelength = u.Quantity(wavelength)
    if not wavelength.unit.is_equivalent(u.m):
        raise u.UnitsError(f'`wavelength` must be a length, such as 620 nm; got {wavelength}.')
    if not (wavelength.isscalar and 0 < wavelength.value < np.inf):
        raise ValueError(f'`wavelength` must be one length above 0; got {wavelength}.')
    return wavelength


def _as_zero_point(zero_point):
    return None if zero_point is None else as_ab_magnitude(zero_point) * u.ABmag


def as_ab_magnitude(zero_point):
    """
    A zero point as a number, in AB magnitudes.

    Raises
    ------
    ValueError
        If it is not finite, or not in AB magnitudes.
    """
    if hasattr(zero_point, 'unit'):
        if zero_point.unit not in (u.mag, u.ABmag):
            raise ValueError(f'`zero_point` must be in AB magnitudes; got {zero_point.unit}.')
        zero_point = zero_point.value
    is_number = np.ndim(zero_point) == 0 and np.asarray(zero_point).dtype.kind in 'iuf'
    if not (is_number and np.isfinite(zero_point)):
        raise ValueError(f'`zero_point` must be one finite number; got {zero_point!r}.')
    return float(zero_point)


def _same(first, second):
    if first is None or second is None:
        return first is second
    return bool(first == second)
