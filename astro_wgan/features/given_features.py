"""`features_of`: features that a user gives of stamps, as an array with a row for each of them."""

import numpy as np
from astropy.table import Table

from astro_wgan.catalogs.columns import numbers_or_nan
from astro_wgan.validation.id_values import id_values

__all__ = ['features_of']


def features_of(features, stamps, *, name='features'):
    """
    Features of stamps, as given.

    Parameters
    ----------
    features : array_like, shape (n, d), table or callable
        In the order of the stamps. A table has a column ``features``, and if it has ``id``, this is
        that of the stamps. A callable is given the stamps, and returns either.
    stamps : `~astro_wgan.StampSet`, `~astro_wgan.StampStore` or `~astropy.table.Table`
        Stamps, or their table, for which a callable cannot be used.
    name : str
        Of the argument, for errors.

    Returns
    -------
    `~numpy.ndarray` of float32, shape (n, d)
        NaN in each row with a value that is masked or not finite.

    Raises
    ------
    TypeError
        If ``features`` is a callable and there are no stamps, or holds something else than numbers.
    ValueError
        If it has another shape or ids.

    Examples
    --------
    >>> import numpy as np
    >>> from astro_wgan import StampSet
    >>> from astro_wgan.features.given_features import features_of
    >>> stamps = StampSet(np.ones((2, 8, 8)))
    >>> features_of(lambda stamps: [[1, 2, 3], [4, np.nan, 6]], stamps)
    array([[ 1.,  2.,  3.],
           [nan, nan, nan]], dtype=float32)
    """
    if callable(features):
        if isinstance(stamps, Table):
            raise TypeError(
                f'`{name}` must be an array or a table, as a table of measurements has no stamps '
                'to compute them of; got a callable.'
            )
        features = features(stamps)
    if isinstance(features, Table):
        features = _column(features, stamps, name)
    values = numbers_or_nan(features)
    if values.dtype.kind not in 'biuf':
        raise TypeError(f'`{name}` must hold numbers; got an array of {values.dtype}.')
    if values.ndim != 2 or not values.shape[1]:
        raise ValueError(f'`{name}` must have the shape (n, d); got {values.shape}.')
    if len(values) != len(stamps):
        raise ValueError(
            f'`{name}` must have one row for each of the {len(stamps)} stamps; got {len(values)}.'
        )
    with np.errstate(over='ignore'):
        values = values.astype(np.float32)
    values[~np.isfinite(values).all(axis=1)] = np.nan
    return values


def _column(table, stamps, name):
    if 'features' not in table.colnames:
        raise ValueError(
            f'`{name}`, if it is a table, must have the column `features`; it has '
            f'{", ".join(table.colnames)}.'
        )
    ids = stamps.colnames if isinstance(stamps, Table) else ['id']
    if 'id' in table.colnames and 'id' in ids:
        own = id_values(stamps['id'] if isinstance(stamps, Table) else stamps.ids)
        if not np.array_equal(id_values(table['id']), own):
            raise ValueError(f'`{name}` must have the ids of the stamps, in their order.')
    return table['features']
