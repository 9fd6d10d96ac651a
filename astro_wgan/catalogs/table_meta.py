"""What is said of a table beside its columns, in a form that files can hold."""

import warnings

from astropy.io.misc import yaml
from astropy.utils.exceptions import AstropyUserWarning

__all__ = ['plain_meta']


def plain_meta(meta):
    """
    The meta of a table, with text in place of what has no form in YAML.

    Parameters
    ----------
    meta : dict
        Of a table. ECSV files and stores write it as YAML, which holds numbers, text, lists,
        dictionaries, arrays and astropy's own objects.

    Returns
    -------
    dict

    Warns
    -----
    astropy.utils.exceptions.AstropyUserWarning
        If something became text.

    Examples
    --------
    >>> from astro_wgan.catalogs.table_meta import plain_meta
    >>> plain_meta({'survey': 'mine', 'limits': [1, 2]})
    {'survey': 'mine', 'limits': [1, 2]}
    """
    texts = {key: str(value) for key, value in meta.items() if not _has_form({key: value})}
    if texts:
        names = ', '.join(repr(key) for key in texts)
        warnings.warn(
            f'In `meta` of a table, {names} became text: files hold numbers, text, lists, '
            'dictionaries and astropy objects.',
            AstropyUserWarning,
            stacklevel=2,
        )
    return {**meta, **texts}


def _has_form(entry):
    try:
        yaml.load(yaml.dump(entry))
    except Exception:  # constructors of objects raise what they like
        return False
    return True
