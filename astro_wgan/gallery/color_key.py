"""color_key_html: what black to white, or red, green and blue, are in the pictures of a page."""

from html import escape

from astro_wgan.bands.band import unnamed_bands
from astro_wgan.gallery.page_text import visible
from astro_wgan.stamps.intensity.color_composites import color_groups

__all__ = ['color_key_html']


def color_key_html(n_bands, *, bands=(), rgb=None):
    """
    Key to the pictures of input and closest image.

    Parameters
    ----------
    n_bands : int
        Number of bands of the images.
    bands, rgb
        As for `~astro_wgan.gallery.write_gallery`.

    Returns
    -------
    str
        A bar from black to white for images in one band; for colors the names of the bands that
        make each of them.
    """
    groups = color_groups(n_bands, bands=bands, rgb=rgb)
    if groups is None:
        return '<i class="ramp grays"></i> input and closest image: one range per card'
    bands = tuple(bands) or unnamed_bands(n_bands)
    word = '' if bands != unnamed_bands(n_bands) else 'band '
    parts = [
        f'<i class="ramp {color}"></i> '
        + word
        + ', '.join(escape(visible(bands[number].name)) for number in group)
        for color, group in zip(('red', 'green', 'blue'), groups, strict=True)
    ]
    colors = ' '.join(f'<span class="color">{part}</span>' for part in parts)
    return f'{colors} input and closest image: one range per card'
