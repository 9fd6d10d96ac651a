"""`plain_meta`: metadata of tables that can be written to files."""

import warnings

from astropy.io.misc import yaml
from astropy.utils.exceptions import AstropyUserWarning

__all__ = ['plain_meta']


def plain_meta(meta):
    """
    Convert metadata that cannot be written as YAML to text.

    Parameters
    ----------
    meta : dict
        Metadata of a table. ECSV files and stores write it as YAML, which can hold numbers, text,
        lists, dictionaries, arrays and astropy objects.

    Returns
    -------
    dict

    Warns
    -----
    astropy.utils.exceptions.AstropyUserWarning
        If a value was converted to text.

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
            f'{names} in the `meta` of a table are converted to text: a file can only hold '
            'numbers, text, lists, dictionaries and astropy objects.',
            AstropyUserWarning,
            stacklevel=2,
        )
    return {**meta, **texts}


def _has_form(entry):
    try:
        yaml.load(yaml.dump(entry))
    except Exception:  # constructors of objects raise various errors
        return False
    return True
