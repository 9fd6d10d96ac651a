"""The arguments of one set of stamps made of several."""

import numpy as np
from astropy.table import vstack

from astro_wgan.astrometry.stamp_geometry import StampGeometry
from astro_wgan.catalogs.columns import make_room
from astro_wgan.stamps.validation import check_alike
from astro_wgan.validation.axis_order import own_axes

__all__ = ['joined_arguments']


def joined_arguments(sets, renumber):
    """
    Arguments of `~astro_wgan.StampSet` for all stamps of several sets.

    Parameters
    ----------
    sets : list of `~astro_wgan.StampSet`
    renumber : bool
        As in `~astro_wgan.stamps.concatenate`, which says what it raises.

    Returns
    -------
    dict
    """
    if not sets:
        raise ValueError('`sets` must hold at least one StampSet; got none.')
    first = sets[0]
    for other in sets[1:]:
        check_alike(first, other)
    mask = None
    if any(s.mask is not None for s in sets):
        mask = np.concatenate([~s.valid for s in sets])
    uncertainty = None
    if first.uncertainty is not None:
        uncertainty = np.concatenate([s.uncertainty for s in sets])
    same_psf = all(np.array_equal(s.psf, first.psf) for s in sets)
    same_meta = all(s.meta == first.meta for s in sets)
    return {
        'pixels': np.concatenate([s.pixels for s in sets]),
        'uncertainty': uncertainty,
        'mask': mask,
        'unit': first.unit,
        'pixel_scale': first.pixel_scale,
        'psf': first.psf if same_psf else None,
        'geometry': StampGeometry.concatenate([s.geometry for s in sets]),
        'table': _joined_table(sets, renumber),
        'meta': first.meta if same_meta else {'parts': [s.meta for s in sets]},
        'axes': own_axes(first.pixels.ndim),
        'assume_finite': True,
    }


def _joined_table(sets, renumber):
    tables = [s.table for s in sets]
    table = vstack(tables, metadata_conflicts='silent') if len(tables) > 1 else tables[0].copy()
    if renumber:
        former = table['id']
        table['id'] = np.arange(len(table))
        make_room(table, ['former_id'])
        table['former_id'] = former
    return table
