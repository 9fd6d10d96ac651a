"""What the cards of a gallery say: the columns of a score table as plain values for JSON."""

from dataclasses import dataclass

import numpy as np
from astropy.coordinates import SkyCoord
from astropy.table import Column
from astropy.units import Quantity

__all__ = ['CardColumn', 'card_columns', 'sky_text']

_KNOWN = {
    'rank': 'rank',
    'score': 'anomaly score',
    'p_value': 'p-value',
    'structure': 'smoothed residual',
    'peak': 'sharpest residual',
    'turned': 'residual, closest image turned',
    'paper_score': "paper's score",
    'residual': 'residual term',
    'feature': 'feature term',
    'critic': 'critic value',
    'mean_intensity': 'mean intensity',
    'closest_flux': 'flux of the closest image',
    'valid': 'share of valid pixels',
    'x': 'x',
    'y': 'y',
    'sky.ra': 'right ascension (ICRS)',
    'sky.dec': 'declination (ICRS)',
}
# What one wants to see first has the smallest value; elsewhere the largest.
_SMALLEST_FIRST = ('rank', 'p_value', 'x', 'y', 'sky.ra', 'sky.dec')
_NO_FACTS = ('id', 'latent')

# Beyond it a browser's numbers lose digits, which would spoil catalogue numbers.
_LARGEST_INTEGER = 2**53


@dataclass(frozen=True)
class CardColumn:
    """
    One fact, for all cards.

    Attributes
    ----------
    name : str
        Of the table's column.
    label : str
        For people.
    unit : str
        Empty where there is none.
    kind : {'number', 'flag', 'text'}
        Of the values.
    descending : bool
        Whether cards sorted by it begin with the largest value.
    values : list
        Plain numbers, booleans or texts, one per card; None where there is no value.
    """

    name: str
    label: str
    unit: str
    kind: str
    descending: bool
    values: list


def card_columns(table, rows, *, columns=None, mean_intensity=None):
    """
    The facts about some stamps of a score table.

    Parameters
    ----------
    table : `~astropy.table.QTable`
        Scores.
    rows : array_like of int
        The stamps to tell about.
    columns : sequence of str, optional
        Further columns than those of the scores and positions; by default all that hold one
        number, text or truth value per row.
    mean_intensity : array_like, optional
        Of each of those stamps.

    Returns
    -------
    list of `CardColumn`
        Those of the scores first.

    Raises
    ------
    ValueError
        If one of ``columns`` is not in the table, or holds more than one value per row.
    """
    found = {name: table[name] for name in table.colnames if _is_plain(table[name])}
    flags = [name for name in table.colnames if name.startswith('anomalous_')]
    further = [
        name
        for name in (found if columns is None else columns)
        if name not in _KNOWN and name not in flags and name not in _NO_FACTS
    ]
    for name in further:
        if name not in found:
            raise ValueError(
                '`columns` must name columns of `table` with one value per row; '
                f'{name!r} is not one of {sorted(found)}.'
            )
    shown = {name: found[name][rows] for name in found}
    if mean_intensity is not None:
        shown['mean_intensity'] = np.asarray(mean_intensity)
    sky = _sky(table)
    if sky is not None:
        shown['sky.ra'], shown['sky.dec'] = sky[rows].ra, sky[rows].dec
    names = [*_KNOWN, *flags, *further]
    return [_card_column(name, shown[name]) for name in names if name in shown]


def sky_text(table, rows):
    """
    Sky positions for people: ``('03h32m39.12s', '-27d47m31.2s')`` per row, ICRS.

    Returns
    -------
    list of tuple of str, or None
        None where the table has no sky positions.
    """
    sky = _sky(table)
    if sky is None:
        return None
    sky = sky[rows]
    ra = sky.ra.to_string('hour', sep='hms', precision=2, pad=True)
    dec = sky.dec.to_string('deg', sep='dms', precision=1, pad=True, alwayssign=True)
    return list(zip(ra.tolist(), dec.tolist(), strict=True))


def _sky(table):
    if 'sky' in table.colnames and isinstance(table['sky'], SkyCoord):
        return table['sky'].icrs
    return None


def _is_plain(column):
    return (
        isinstance(column, (Column, Quantity, np.ndarray))
        and column.ndim == 1
        and column.dtype.kind in 'biufSUO'
    )


def _card_column(name, column):
    kind, values = _plain_values(column)
    unit = getattr(column, 'unit', None)
    level = name.removeprefix('anomalous_')
    return CardColumn(
        name=name,
        label=_KNOWN.get(name, name if level == name else f'above the {level} % threshold'),
        unit='' if unit is None else unit.to_string(),
        kind=kind,
        descending=name not in _SMALLEST_FIRST,
        values=values,
    )


def _plain_values(column):
    """Kind of a column, and its values as JSON can hold them."""
    missing = np.broadcast_to(getattr(column, 'mask', False), column.shape)
    values = getattr(column, 'unmasked', column)
    values = np.asarray(values.value if isinstance(values, Quantity) else values)
    kind = {'b': 'flag', 'i': 'number', 'u': 'number', 'f': 'number'}.get(values.dtype.kind, 'text')
    if values.dtype.kind == 'f':
        missing = missing | ~np.isfinite(values)
        # All the digits of float32; of float64 enough for a milliarcsecond on the sky.
        digits = 7 if values.dtype.itemsize <= 4 else 10
        plain = [float(f'{value:.{digits}g}') for value in values.tolist()]
    elif values.dtype.kind in 'iu' and (np.abs(values.astype(float)) > _LARGEST_INTEGER).any():
        kind, plain = 'text', [str(value) for value in values.tolist()]
    elif kind == 'text':
        plain = [v.decode(errors='replace') if isinstance(v, bytes) else str(v) for v in values]
    else:
        plain = values.tolist()
    return kind, [None if gone else value for value, gone in zip(plain, missing, strict=True)]
