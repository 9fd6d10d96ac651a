"""`Sources`: ids and positions of the sources of a survey, and how a catalog becomes these."""

from dataclasses import dataclass

import numpy as np
from astropy import units as u
from astropy.coordinates import SkyCoord
from astropy.table import QTable

from astro_wgan.catalogs import catalog_parts
from astro_wgan.catalogs.parquet.source_columns import check_unique

__all__ = ['Sources', 'sources_of']


@dataclass(frozen=True, eq=False)
class Sources:
    """
    Ids and positions of sources.

    Attributes
    ----------
    ids : `~numpy.ndarray`, shape (n,)
        Whole numbers or text.
    ra, dec : `~numpy.ndarray`, shape (n,)
        Degrees, ICRS.
    """

    ids: np.ndarray
    ra: np.ndarray
    dec: np.ndarray

    def __len__(self):
        return len(self.ids)

    def __getitem__(self, rows):
        return Sources(self.ids[rows], self.ra[rows], self.dec[rows])

    def table(self):
        """``id``, ``ra`` and ``dec`` as a `~astropy.table.QTable`."""
        return QTable({'id': self.ids, 'ra': self.ra * u.deg, 'dec': self.dec * u.deg})


def sources_of(catalog):
    """
    Ids and positions of a catalog.

    Parameters
    ----------
    catalog : path-like, table, ``lsdb.Catalog`` or `~astropy.coordinates.SkyCoord`
        As in `~astro_wgan.catalogs.read_catalog`; other columns are not read. Without ids the rows
        are numbered from 0.

    Returns
    -------
    `Sources`

    Raises
    ------
    ValueError, TypeError, FileNotFoundError
        As by `~astro_wgan.catalogs.read_catalog`: among others if an id occurs twice.
    """
    if isinstance(catalog, SkyCoord):
        catalog = QTable({'sky': catalog})
    parts = list(catalog_parts(catalog, columns=[]))
    ra, dec = (
        np.concatenate([part[name].to_value(u.deg) for part in parts]) for name in ('ra', 'dec')
    )
    if 'id' not in parts[0].colnames:
        return Sources(np.arange(len(ra)), ra, dec)
    ids = np.concatenate([np.asarray(part['id']) for part in parts])
    # That those of each part are unique has been verified.
    if len(parts) > 1:
        check_unique(ids, 'id', '`catalog`')
    return Sources(ids, ra, dec)
