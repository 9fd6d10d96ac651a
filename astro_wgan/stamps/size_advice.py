"""What to do with stamps of another size than the one that is wanted: crop, bin or pad."""

__all__ = ['size_advice']


def size_advice(stamps, size):
    """
    What makes stamps of one size those of another, in a sentence.

    Parameters
    ----------
    stamps : `~astro_wgan.StampSet` or `~astro_wgan.store.StampStore`
        Of whatever size.
    size : tuple of int
        ``(ny, nx)`` that is wanted.

    Returns
    -------
    str
        Empty where the size is right.

    Examples
    --------
    >>> import numpy as np
    >>> from astro_wgan import StampSet
    >>> from astro_wgan.stamps.size_advice import size_advice
    >>> size_advice(StampSet(np.zeros((2, 96, 96))), (64, 64))
    'Crop them by a factor 1.5, to their middle: `stamps.crop(64)`.'
    """
    ny, nx = stamps.shape
    my, mx = size
    if (ny, nx) == (my, mx):
        return ''
    wanted = my if my == mx else (my, mx)
    scale = ''
    if stamps.pixel_scale is None:
        scale = ' (give them a scale first: `stamps.replace(pixel_scale=...)`)'
    larger, smaller = _factor(ny / my, nx / mx), _factor(my / ny, mx / nx)
    if ny >= my and nx >= mx:
        crop = f'to their middle: `stamps.crop({wanted})`'
        bins = ny // my
        if bins > 1 and (ny, nx) == (bins * my, bins * mx):
            return (
                f'Bin them by {bins}: `stamps.reproject(size={wanted}, '
                f'pixel_scale={bins} * stamps.pixel_scale)`{scale} keeps all that they show. Or '
                f'crop them by a factor {larger}, {crop}.'
            )
        return f'Crop them by a factor {larger}, {crop}.'
    if ny <= my and nx <= mx:
        return (
            f'Pad them by a factor {smaller}: `stamps.reproject(size={wanted})`{scale} masks what '
            'they do not show.'
        )
    axes = ('y', 'x') if ny > my else ('x', 'y')
    return (
        f'Crop them along {axes[0]} and pad them along {axes[1]}: '
        f'`stamps.reproject(size={wanted})`{scale}.'
    )


def _factor(y, x):
    return f'{y:.3g}' if y == x else f'{y:.3g} in y and {x:.3g} in x'
