"""Columns of a score table as plain values, for the cards of a gallery."""

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
from astropy.coordinates import SkyCoord
from astropy.table import Column
from astropy.units import Quantity

from astro_wgan.catalogs.columns import numbers_or_nan, plain_values
from astro_wgan.gallery.page_text import visible
from astro_wgan.validation.masked import without_mask

__all__ = [
    'CardColumn',
    'TableColumn',
    'card_columns',
    'contribution_labels',
    'coordinate_texts',
    'id_texts',
    'is_flag',
    'real_numbers',
    'sky_text',
    'table_columns',
]

#: What contributes to a score, by the name of its column.
_CONTRIBUTIONS = {
    'score_injection': 'injection',
    'score_smoothed_residual': 'smoothed residual',
    'score_rotation_residual': 'rotation residual',
    'score_peak_residual': 'peak residual',
    'score_color_residual': 'color residual',
    'score_residual_loss': 'residual loss',
    'score_feature_loss': 'feature loss',
    'score_paper_score': 'score of the paper',
    'score_critic': 'critic',
    'score_features': 'features',
}
_KNOWN = {
    'rank': 'rank',
    'score': 'anomaly score',
    'p_value': 'p-value',
    'q_value': 'q-value',
    **{name: f'score: {label}' for name, label in _CONTRIBUTIONS.items()},
    'smoothed_residual': 'smoothed residual',
    'peak_residual': 'peak residual',
    'rotation_residual': 'rotation residual',
    'color_residual': 'color residual',
    'paper_score': 'score of the paper',
    'residual_loss': 'residual loss',
    'feature_loss': 'feature loss',
    'critic_value': 'critic value',
    'injection_log_odds': 'log odds of an injected anomaly',
    'mean_intensity': 'mean intensity',
    'closest_flux': 'flux of the closest image',
    'valid_fraction': 'fraction of valid pixels',
    'x': 'x',
    'y': 'y',
    'sky.ra': 'right ascension (ICRS)',
    'sky.dec': 'declination (ICRS)',
}
# Sorted in increasing order; others in decreasing order.
_SMALLEST_FIRST = ('rank', 'p_value', 'q_value', 'x', 'y', 'sky.ra', 'sky.dec')
_NOT_SHOWN = ('id', 'latent', 'features')

# Larger integers, such as catalog numbers, lose digits in a browser.
_LARGEST_INTEGER = 2**53


@dataclass(frozen=True, eq=False)
class TableColumn:
    """
    One column of a score table, as arrays.

    Attributes
    ----------
    name, label, unit, kind, descending
        As for `CardColumn`.
    values : `~numpy.ndarray`, shape (n,)
        Numbers, booleans, or texts of dtype object.
    missing : `~numpy.ndarray` of bool, shape (n,)
        Where there is no value, or none that is finite.
    """

    name: str
    label: str
    unit: str
    kind: str
    descending: bool
    values: np.ndarray
    missing: np.ndarray


@dataclass(frozen=True)
class CardColumn:
    """
    One column, for all cards.

    Attributes
    ----------
    name : str
        Name of the column of the table.
    label : str
        Label on the page.
    unit : str
        Empty if there is none.
    kind : {'number', 'flag', 'text'}
        Type of the values.
    descending : bool
        Whether cards are sorted by it in decreasing order.
    values : list
        Plain numbers, booleans or texts, one per card; None for a missing value.
    """

    name: str
    label: str
    unit: str
    kind: str
    descending: bool
    values: list


def card_columns(table, rows, *, columns=None, mean_intensity=None):
    """
    Columns of a score table for some stamps.

    Parameters
    ----------
    table : `~astropy.table.QTable`
        Scores.
    rows : array_like of int
        Rows of these stamps.
    columns : sequence of str, optional
        Further columns than those of the scores and positions; by default all that hold one
        number, text or truth value per row.
    mean_intensity : array_like, optional
        Mean intensity of each of these stamps.

    Returns
    -------
    list of `CardColumn`
        Scores first.

    Raises
    ------
    ValueError
        If one of ``columns`` is not in the table, or holds more than one value per row.
    """
    found = table_columns(table, rows, columns=columns, mean_intensity=mean_intensity)
    shared = ('name', 'label', 'unit', 'kind', 'descending')
    return [
        CardColumn(**{name: getattr(column, name) for name in shared}, values=_plain_list(column))
        for column in found
    ]


def table_columns(table, rows, *, columns=None, mean_intensity=None):
    """As `card_columns`, as a list of `TableColumn`: for many rows, of which no lists are made."""
    found = {name: table[name] for name in table.colnames if _is_plain(table[name])}
    flags = [name for name in table.colnames if name.startswith('anomalous_')]
    if columns is not None and (isinstance(columns, str) or not isinstance(columns, Iterable)):
        raise ValueError(f'`columns` must be a list of names of columns; got {columns!r}.')
    further = [
        name
        for name in (found if columns is None else columns)
        if name not in _KNOWN and name not in flags and name not in _NOT_SHOWN
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
    return [_table_column(name, shown[name]) for name in names if name in shown]


def contribution_labels(columns):
    """
    What contributes to the scores.

    Parameters
    ----------
    columns : list of `CardColumn`
        From `card_columns`.

    Returns
    -------
    list of list of str
        Name and label of each column of contributions.
    """
    found = {column.name for column in columns if column.kind == 'number'}
    return [[name, label] for name, label in _CONTRIBUTIONS.items() if name in found]


def id_texts(table, rows):
    """
    The ids of some rows as text; empty where there is none.

    Raises
    ------
    ValueError
        If the column ``id`` does not hold one number or text per row.
    """
    column = table['id']
    if not _is_plain(column):
        raise ValueError(
            "The column 'id' of `table` must hold one number or text per row; got "
            f'{type(column).__name__} of shape {getattr(column, "shape", ())}.'
        )
    # Whole numbers with all their digits, however many.
    values, missing = _values_of(column[rows])
    return ['' if gone else _text(v) for v, gone in zip(values.tolist(), missing, strict=True)]


def real_numbers(table, name):
    """
    The numbers of a column, such as the scores, NaN where there is none.

    Raises
    ------
    ValueError
        If they are not numbers.
    """
    column = table[name]
    values = numbers_or_nan(column) if _is_plain(column) else np.zeros((0, 0))
    if values.shape == (0,):
        return np.zeros(0)
    if values.ndim != 1 or values.dtype.kind not in 'biuf':
        raise ValueError(
            f'The column {name!r} of `table` must hold one real number per row; got '
            f'{type(column).__name__} of dtype {getattr(column, "dtype", None)} and shape '
            f'{getattr(column, "shape", ())}.'
        )
    return values.astype(float)


def is_flag(column):
    """Whether a column holds one boolean per row."""
    return _is_plain(column) and _values_of(column)[0].dtype.kind == 'b'


def sky_text(table, rows):
    """
    Sky positions as text: ``('03h32m39.12s', '-27d47m31.2s')`` per row, ICRS.

    Returns
    -------
    list of tuple of str, or None
        None where the table has no sky positions.
    """
    sky = _sky(table)
    if sky is None:
        return None
    return coordinate_texts(sky[rows])


def coordinate_texts(sky):
    """Right ascension and declination in ICRS as text, one pair for each position."""
    ra = sky.ra.to_string('hour', sep='hms', precision=2, pad=True)
    dec = sky.dec.to_string('deg', sep='dms', precision=1, pad=True, alwayssign=True)
    return list(zip(ra.tolist(), dec.tolist(), strict=True))


def _sky(table):
    sky = table['sky'] if 'sky' in table.colnames else None
    if not isinstance(sky, SkyCoord) or sky.ndim != 1:
        return None
    try:
        return sky.icrs
    except Exception:  # horizontal coordinates without a location: no ICRS, with various errors
        return None


def _is_plain(column):
    return (
        isinstance(column, (Column, Quantity, np.ndarray))
        and column.ndim == 1
        and column.dtype.kind in 'biufSUO'
    )


def _table_column(name, column):
    kind, values, missing = _kind_and_values(column)
    unit = getattr(column, 'unit', None)
    percentile = name.removeprefix('anomalous_')
    return TableColumn(
        name=visible(name),
        label=visible(
            _KNOWN.get(name, name if percentile == name else f'above the {percentile} % threshold')
        ),
        unit='' if unit is None else visible(unit.to_string()),
        kind=kind,
        descending=name not in _SMALLEST_FIRST,
        values=values,
        missing=missing,
    )


def _kind_and_values(column):
    """Kind of a column, its values as a page can show them, and where there are none."""
    values, missing = _values_of(column)
    kind = {'b': 'flag', 'i': 'number', 'u': 'number', 'f': 'number'}.get(values.dtype.kind, 'text')
    if values.dtype.kind == 'f':
        if values.dtype.itemsize > 8:  # which JSON cannot hold
            with np.errstate(over='ignore'):
                values = values.astype(float)
        missing = missing | ~np.isfinite(values)
    elif values.dtype.kind in 'iu' and (np.abs(values.astype(float)) > _LARGEST_INTEGER).any():
        kind, values = 'text', values.astype(str).astype(object)
    elif kind == 'text':
        values = np.array([_text(value) for value in values], dtype=object)
    return kind, values, missing


def _plain_list(column):
    """Values of a `TableColumn` as JSON can hold them; None where there are none."""
    values, plain = column.values, column.values.tolist()
    if values.dtype.kind == 'f':
        # All the digits of float32; of float64 enough for a milliarcsecond on the sky.
        digits = 7 if values.dtype.itemsize <= 4 else 10
        plain = [_rounded(value, digits) for value in plain]
    return [None if gone else value for value, gone in zip(plain, column.missing, strict=True)]


def _values_of(column):
    """Plain values, and where they are masked or missing."""
    values, mask = without_mask(column)
    values, mask = plain_values(np.asarray(getattr(values, 'value', values)), mask)
    return values, np.broadcast_to(False if mask is None else mask, values.shape)


def _rounded(value, digits):
    rounded = float(f'{value:.{digits}g}')
    return rounded if np.isfinite(rounded) else value


def _text(value):
    return visible(value.decode(errors='replace') if isinstance(value, bytes) else str(value))
