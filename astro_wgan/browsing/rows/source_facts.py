"""`source_facts`: columns, position and links of one source."""

from math import isfinite
from urllib.parse import quote

from astro_wgan.catalogs.columns import numbers_or_nan
from astro_wgan.gallery.cards import sky_text

__all__ = ['source_facts']

#: Pages about a position, with the text that stands for it. They are links, which only whoever
#: opens one requests.
_LINKS = {
    'SIMBAD': 'https://simbad.cds.unistra.fr/simbad/sim-coo?Coord={pair}&Radius=10&Radius.unit=arcsec',
    'Aladin Lite': 'https://aladin.cds.unistra.fr/AladinLite/?target={pair}&fov=0.02',
    'ESASky': 'https://sky.esa.int/esasky/?target={pair}&fov=0.02&cooframe=J2000&sci=true',
}


def source_facts(table, columns, row):
    """
    What is known of a source.

    Parameters
    ----------
    table : `~astropy.table.QTable`
        Scores, perhaps with sky positions in the column ``sky``.
    columns : iterable of `~astro_wgan.gallery.cards.TableColumn`
    row : int

    Returns
    -------
    dict
        ``columns``, ``sky`` and ``links``, as in the answer to ``GET /api/source/ROW``.

    Examples
    --------
    >>> from astropy.coordinates import SkyCoord
    >>> from astropy.table import QTable
    >>> from astro_wgan.browsing.rows.source_facts import source_facts
    >>> table = QTable({'id': [7], 'sky': SkyCoord([53.163], [-27.787], unit='deg')})
    >>> source_facts(table, [], 0)['sky']['text']
    ['03h32m39.12s', '-27d47m13.2s']
    """
    facts = []
    for column in columns:
        names = ('name', 'label', 'unit', 'kind')
        value = None if column.missing[row] else _plain(column.values[row])
        facts.append({**{name: getattr(column, name) for name in names}, 'value': value})
    texts = sky_text(table, slice(row, row + 1))
    if texts is None:
        return {'columns': facts, 'sky': None, 'links': []}
    place = table['sky'][row : row + 1].icrs
    ra, dec = (float(numbers_or_nan(angle.deg)[0]) for angle in (place.ra, place.dec))
    if not (isfinite(ra) and isfinite(dec)):
        return {'columns': facts, 'sky': None, 'links': []}
    # Quoted as a whole: a plus sign would be read as a space.
    pair = quote(f'{ra:.6f} {dec:+.6f}', safe='')
    links = [{'label': name, 'url': url.format(pair=pair)} for name, url in _LINKS.items()]
    return {
        'columns': facts,
        'sky': {'ra': ra, 'dec': dec, 'text': list(texts[0])},
        'links': links,
    }


def _plain(value):
    return value.item() if hasattr(value, 'item') else value
