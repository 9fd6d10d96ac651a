"""`write_regions`: sources of a table as a region file of DS9, the strangest first."""

import os

import numpy as np
from astropy import units as u

from astro_wgan.catalogs.columns import numbers_or_nan
from astro_wgan.catalogs.qtable import as_qtable
from astro_wgan.catalogs.sky_columns import sky_degrees
from astro_wgan.files.atomic import atomic_write
from astro_wgan.remote.output_paths import output_path
from astro_wgan.validation.config_numbers import check_whole_number

__all__ = ['LABEL_COLORS', 'write_regions']

#: Colors of DS9 by label; other labels are cyan, and sources without label yellow.
LABEL_COLORS = {'interesting': 'green', 'artifact': 'red', 'ordinary': 'blue'}
_OTHER, _NONE = 'cyan', 'yellow'

_RADIUS, _RADIUS_PIXELS = 2 * u.arcsec, 16 * u.pix

_COORDINATES = ('auto', 'sky', 'pixel')

#: Significant digits of a score.
_DIGITS = 4


def write_regions(
    table, path, *, number=50, radius=None, coordinates='auto', colors=None, overwrite=False
):
    """
    Write the sources with the highest ranks as circles in a region file of DS9.

    Parameters
    ----------
    table : table
        Any object with named columns: ``id``, positions, and perhaps ``rank``, ``score`` and
        ``label``. Sources are in the order of ``joined_rank`` or ``rank``; without these in
        decreasing order of ``score``; or as given.
    path : path-like
        File to write; its name usually ends in .reg.
    number : int, optional
        Number of sources; None for all.
    radius : `~astropy.units.Quantity`, optional
        Of the circles: an angle, 2 arcsec by default, or for pixels a number of these, 16 by
        default.
    coordinates : {'auto', 'sky', 'pixel'}, optional
        A column of `~astropy.coordinates.SkyCoord`, or ``ra`` and ``dec`` or another pair as in
        catalogs, written in ICRS; or ``x`` and ``y``, 0-based pixels of one image. By default the
        former if there are any.
    colors : dict of str, optional
        Colors of DS9 by label; by default green, red and blue for interesting, artifact and
        ordinary. Other labels are cyan, and sources without label yellow.
    overwrite : bool, optional
        Whether a file is replaced.

    Returns
    -------
    `~pathlib.Path`

    Raises
    ------
    FileExistsError
        If there is something at ``path`` that may not be replaced.
    ValueError
        If there are no such positions, ``number`` is below 1, or ``radius`` is not above 0 or of
        another kind than the coordinates.

    Notes
    -----
    The text of a region is rank, score, id and label, in braces; braces and line breaks in ids and
    labels are replaced by parentheses and blanks. Sources without a position are left out. DS9
    and `regions.Regions.read` read the file.

    Examples
    --------
    >>> from tempfile import mkdtemp
    >>> from astro_wgan.catalogs import write_regions
    >>> scores = {'id': [7, 8], 'ra': [53.1, 53.2], 'dec': [-28.0, -27.9], 'score': [0.1, 3.0]}
    >>> path = write_regions(scores, mkdtemp() + '/strangest.reg', number=1)
    >>> print(path.read_text().splitlines()[-1])
    circle(53.2,-27.9,2.0") # color=yellow text={1: 8, score 3}
    """
    path = output_path(path, 'path')
    if os.path.lexists(path) and not (overwrite and path.is_file()):
        raise FileExistsError(f'{path} exists: choose another path, or set `overwrite` to True.')
    check_whole_number('number', number, 1, optional=True)
    if coordinates not in _COORDINATES:
        raise ValueError(f'`coordinates` must be one of {_COORDINATES}; got {coordinates!r}.')
    table = as_qtable(table)
    places, is_sky = _places(table, coordinates)
    size = _size(radius, is_sky)
    ranks = _ranks(table)
    rows = np.argsort(ranks, kind='stable')
    rows = rows[np.isfinite(places[rows]).all(axis=1)][:number]
    colors = {**LABEL_COLORS, **({} if colors is None else colors)}
    lines = [
        '# Region file format: DS9',
        'global dashlist=8 3 width=1',
        'icrs' if is_sky else 'image',
    ]
    for row in rows:
        first, second = places[row].tolist()
        label = _text(table, 'label', row)
        color = colors.get(label, _OTHER) if label else _NONE
        text = _words(table, row, ranks[row], label)
        lines.append(f'circle({first!r},{second!r},{size}) # color={color} text={{{text}}}')
    path.parent.mkdir(parents=True, exist_ok=True)
    with atomic_write(path) as temporary:
        temporary.write_text('\n'.join(lines) + '\n', encoding='utf-8')
    return path


def _places(table, coordinates):
    """Positions, shape (n, 2), in degrees or 1-based pixels, and whether they are on the sky."""
    if coordinates != 'pixel':
        sky = sky_degrees(table)
        if sky is not None and (coordinates == 'sky' or np.isfinite(sky).any()):
            return sky, True
    if coordinates != 'sky' and {'x', 'y'} <= {*table.colnames}:
        # DS9 counts from 1.
        return np.column_stack([numbers_or_nan(table[name]) for name in 'xy']) + 1.0, False
    wanted = {'auto': 'SkyCoord, ra and dec, or x and y', 'sky': 'SkyCoord, or ra and dec'}
    raise ValueError(
        f'`table` must have positions: {wanted.get(coordinates, "x and y")}; it has the columns '
        f'{", ".join(table.colnames)}.'
    )


def _size(radius, is_sky):
    unit, name = (u.arcsec, 'an angle') if is_sky else (u.pix, 'a number of pixels')
    if radius is None:
        radius = _RADIUS if is_sky else _RADIUS_PIXELS
    try:
        value = float(u.Quantity(radius).to_value(unit))
    except (TypeError, u.UnitConversionError) as error:
        raise ValueError(f'`radius` must be {name} for these positions; got {radius}.') from error
    if not 0 < value < np.inf:
        raise ValueError(f'`radius` must be above 0; got {radius}.')
    return f'{value!r}"' if is_sky else repr(value)


def _ranks(table):
    """Ranks of the rows, from 1 on; those of rows without a rank or score come last."""
    # That by labels is the later one of a table with both.
    for name in ('joined_rank', 'rank'):
        if name in table.colnames:
            return np.nan_to_num(numbers_or_nan(table[name]).astype(float), nan=np.inf)
    order = np.arange(len(table))
    if 'score' in table.colnames:
        order = np.argsort(-numbers_or_nan(table['score']).astype(float), kind='stable')
    ranks = np.empty(len(table))
    ranks[order] = np.arange(1, len(table) + 1)
    return ranks


def _words(table, row, rank, label):
    words = [
        f'{rank:.0f}: {_text(table, "id", row)}' if np.isfinite(rank) else _text(table, 'id', row)
    ]
    if 'score' in table.colnames:
        score = float(numbers_or_nan(table['score'][row : row + 1])[0])
        words.append(f'score {score:.{_DIGITS}g}')
    return ', '.join([*words, *([label] if label else [])])


def _text(table, name, row):
    """A value as text that can stand in braces; empty if it is masked or there is none."""
    if name not in table.colnames:
        return ''
    value = table[name][row]
    if np.ma.is_masked(value):
        return ''
    text = value.decode('utf-8', 'replace') if isinstance(value, bytes) else str(value)
    return ' '.join(text.replace('{', '(').replace('}', ')').split())
