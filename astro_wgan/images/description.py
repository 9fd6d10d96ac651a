"""What was read of a file, in words for the screen."""

from astro_wgan.images.planes import JUDGED

__all__ = ['describe_image']

#: What `meta` says, and what it is called.
_SAID = {
    'HDU': 'image',
    'HDUMASK': 'mask',
    'HDUWHT': 'weight',
    'HDUUNC': 'uncertainty',
    'HDULEFT': 'left out',
}

#: Extensions that are named of a long list.
_NAMED = 6


def describe_image(image):
    """
    Lines of text that say what was taken of a file, what was left out, and what is masked.

    Parameters
    ----------
    image : `~astropy.nddata.CCDData`
        As from `~astro_wgan.stamps.read_image`.

    Returns
    -------
    list of str
        None of them for an array of which each pixel can be used.

    Examples
    --------
    >>> import numpy as np
    >>> from astropy.io import fits
    >>> from astro_wgan.images.description import describe_image
    >>> from astro_wgan.stamps import read_image
    >>> chips = [fits.ImageHDU(np.eye(4) + k, name=f'N{k}') for k in (1, 2)]
    >>> for line in describe_image(read_image(fits.HDUList([fits.PrimaryHDU(), *chips]))):
    ...     print(line)
    image: 1 N1 (4 x 4)
    left out: 2 N2 (4 x 4)
    """
    lines = [
        f'{word}: {_shortened(str(image.meta[key]))}'
        for key, word in _SAID.items()
        if key in image.meta
    ]
    zeros = image.meta.get(JUDGED, 0)
    if zeros:
        lines.append(f'no data: {zeros:,} pixels that are 0')
    if image.mask is not None:
        masked = int(image.mask.sum())
        lines.append(f'masked: {masked:,} of {image.mask.size:,} pixels')
    return lines


def _shortened(text):
    parts = text.split('), ')
    if len(parts) <= _NAMED + 1:
        return text
    return f'{"), ".join(parts[:_NAMED])}) and {len(parts) - _NAMED} more'
