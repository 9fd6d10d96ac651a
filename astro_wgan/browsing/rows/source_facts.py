"""`source_facts`: columns, position and links of one source."""

from urllib.parse import quote

import numpy as np
from astropy.coordinates import SkyCoord

from astro_wgan.gallery.cards import coordinate_texts

__all__ = ['source_facts']

#: Pages about a position, with the text that stands for it. They are links, which only whoever
#: opens one requests.
_LINKS = {
    'SIMBAD': 'https://simbad.cds.unistra.fr/simbad/sim-coo?Coord={pair}&Radius=10&Radius.unit=arcsec',
    'Aladin Lite': 'https://aladin.cds.unistra.fr/AladinLite/?target={pair}&fov=0.02',
    'ESASky': 'https://sky.esa.int/esasky/?target={pair}&fov=0.02&cooframe=J2000&sci=true',
}


def source_facts(columns, row, sky=None):
    """
    What is known of a source.

    Parameters
    ----------
    columns : iterable of `~astro_wgan.gallery.cards.TableColumn`
    row : int
    sky : `~numpy.ndarray`, shape (n, 2), optional
        Positions of all sources, from `~astro_wgan.catalogs.sky_columns.sky_degrees`.

    Returns
    -------
    dict
        ``columns``, ``sky`` and ``links``, as in the answer to ``GET /api/source/ROW``.

    Examples
    --------
    >>> import numpy as np
    >>> from astro_wgan.browsing.rows.source_facts import source_facts
    >>> source_facts([], 0, np.array([[53.163, -27.787]]))['sky']['text']
    ['03h32m39.12s', '-27d47m13.2s']
    """
    facts = []
    for column in columns:
        names = ('name', 'label', 'unit', 'kind')
        value = None if column.missing[row] else _plain(column.values[row])
        facts.append({**{name: getattr(column, name) for name in names}, 'value': value})
    if sky is None or not np.isfinite(sky[row]).all():
        return {'columns': facts, 'sky': None, 'links': []}
    ra, dec = sky[row].tolist()
    (text,) = coordinate_texts(SkyCoord([ra], [dec], unit='deg'))
    # Quoted as a whole: a plus sign would be read as a space.
    pair = quote(f'{ra:.6f} {dec:+.6f}', safe='')
    links = [{'label': name, 'url': url.format(pair=pair)} for name, url in _LINKS.items()]
    return {'columns': facts, 'sky': {'ra': ra, 'dec': dec, 'text': list(text)}, 'links': links}


def _plain(value):
    return value.item() if hasattr(value, 'item') else value
