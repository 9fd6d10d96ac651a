"""`concatenate`: one set of stamps from several."""

import numpy as np
from astropy.table import vstack

from astro_wgan.astrometry.stamp_geometry import StampGeometry
from astro_wgan.bands.band import joint_bands
from astro_wgan.catalogs.columns import rename_conflicting_columns
from astro_wgan.stamps.consistency import check_alike, check_stamps_type, follow_sources
from astro_wgan.stamps.stampset import StampSet
from astro_wgan.validation.axis_order import own_axes

__all__ = ['concatenate']


def concatenate(sets, *, renumber=False):
    """
    Join sets of the same size, unit and pixel scale.

    Parameters
    ----------
    sets : sequence of `~astro_wgan.StampSet` or `~astro_wgan.StampStore`
        At least one. Either all or none must have an uncertainty; without a mask nothing is
        masked. Table columns that only some sets have are masked in the others, as by
        `~astropy.table.vstack`.
    renumber : bool, optional
        Number the stamps from 0, for sets with common ids, such as those cut from different
        images. The previous ids become the column ``former_id``; an existing column of that name
        becomes ``former_id_input``.

    Returns
    -------
    `StampSet`
        It has a PSF if all sets have the same one, and so have its bands. Its ``meta`` is that of
        the sets, or if these differ ``meta['parts']`` is a list of them.

    Raises
    ------
    ValueError
        If there is no set, shapes, units, pixel scales, or names or zero points of bands disagree,
        or an id occurs twice.

    Examples
    --------
    >>> import numpy as np
    >>> from astro_wgan.stamps import StampSet, concatenate
    >>> stamps = StampSet(np.ones((5, 32, 32)))
    >>> len(concatenate([stamps[:2], stamps[4]]))
    3
    """
    sets = list(sets)
    for stamps in sets:
        check_stamps_type(stamps, 'sets')
    sets = [stamps if isinstance(stamps, StampSet) else stamps[:] for stamps in sets]
    if not sets:
        raise ValueError('`sets` must hold at least one StampSet; got none.')
    return StampSet(**_joined_arguments(sets, renumber))


def _joined_arguments(sets, renumber):
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
        'pixel_scale': None if follow_sources(first) else first.pixel_scale,
        'psf': first.psf if same_psf else None,
        'bands': joint_bands([s.bands for s in sets]),
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
        rename_conflicting_columns(table, ['former_id'])
        table['former_id'] = former
    return table
