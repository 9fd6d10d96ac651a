"""`get_layout` and `register_layout`: layouts by name, and their choice from headers."""

from fnmatch import fnmatchcase

from astro_wgan.images.layouts.layout import Layout
from astro_wgan.images.layouts.survey_layouts import GENERAL, NONE, SURVEY_LAYOUTS

__all__ = ['get_layout', 'layout_names', 'recognized_layout', 'register_layout']

#: Layouts by name, in the order in which they are tried.
_LAYOUTS = {layout.name: layout for layout in (*SURVEY_LAYOUTS, GENERAL, NONE)}

_AUTO = 'auto'


def layout_names():
    """
    Names of the layouts that `~astro_wgan.images.read_image` knows.

    Returns
    -------
    list of str

    Examples
    --------
    >>> from astro_wgan.images import layout_names
    >>> 'hst' in layout_names()
    True
    """
    return sorted(_LAYOUTS)


def get_layout(name):
    """
    A layout by its name.

    Parameters
    ----------
    name : str
        One of `layout_names`.

    Returns
    -------
    `~astro_wgan.images.Layout`

    Raises
    ------
    ValueError
        If there is none of that name.

    Examples
    --------
    >>> from astro_wgan.images import get_layout
    >>> get_layout('des').inverse_variance
    ('WGT',)
    """
    if not isinstance(name, str) or name not in _LAYOUTS:
        raise ValueError(
            f'`layout` must be {_AUTO!r}, a Layout, None, or one of {", ".join(layout_names())}; '
            f'got {name!r}.'
        )
    return _LAYOUTS[name]


def register_layout(layout, *, overwrite=False):
    """
    Make a layout known by its name, and try it before all others.

    Parameters
    ----------
    layout : `~astro_wgan.images.Layout`
        The layout.
    overwrite : bool, optional
        Replace a layout of the same name.

    Raises
    ------
    TypeError
        If it is no layout.
    ValueError
        If there is one of that name, or the name is 'auto'.

    Examples
    --------
    >>> from astro_wgan.images import Layout, register_layout
    >>> layout = Layout('northern', cards={'SURVEY': 'Northern Sky*'}, bits=1 | 4)
    >>> register_layout(layout, overwrite=True)
    """
    if not isinstance(layout, Layout):
        raise TypeError(f'`layout` must be a Layout; got {type(layout).__name__}.')
    if layout.name == _AUTO or (layout.name in _LAYOUTS and not overwrite):
        raise ValueError(
            f'There is a layout {layout.name!r} already: choose another name, or set `overwrite`.'
        )
    others = {name: each for name, each in _LAYOUTS.items() if name != layout.name}
    _LAYOUTS.clear()
    _LAYOUTS.update({layout.name: layout, **others})


def recognized_layout(name, headers, hdus):
    """
    The first layout that recognizes an image.

    Parameters
    ----------
    name : str or None
        Name of the file, without folder.
    headers : sequence of mapping
        Headers of the image and of the file; of cards in both, the first counts.
    hdus : collection of str
        Names of the extensions.

    Returns
    -------
    `~astro_wgan.images.Layout`
        The layout 'general' if there is none.
    """
    for layout in _LAYOUTS.values():
        has_cards = all(_has(headers, *card) for card in layout.cards.items())
        if (layout.cards or layout.hdus) and has_cards and set(layout.hdus).issubset(hdus):
            return layout
        if name and layout.knows_name(name):
            return layout
    return _LAYOUTS[GENERAL.name]


def _has(headers, key, patterns):
    for header in headers:
        if key in header:
            value = str(header[key]).strip().upper()
            return any(fnmatchcase(value, pattern.upper()) for pattern in patterns)
    return False
