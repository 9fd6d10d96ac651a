"""Pictures: JPEG, PNG and whatever else Pillow reads, as one plane."""

import numpy as np
from astropy.nddata import NDData
from PIL import Image, UnidentifiedImageError

from astro_wgan.exceptions import ImageError

__all__ = ['read_picture']

#: Luminance of red, green and blue: ITU-R BT.601, as Pillow's mode L, but not rounded to 8 bits.
_LUMINANCE = np.array([0.299, 0.587, 0.114], dtype=np.float32)

#: What is said of a picture beside: its first row is the top one.
_TOP_DOWN = {'origin': 'upper'}


def read_picture(file, path):
    """A picture as NDData: its grey values, or the luminance of its colours."""
    try:
        with Image.open(file) as picture:
            if picture.mode in ('LA', 'La'):
                picture = picture.getchannel('L')
            if len(picture.getbands()) == 1 and picture.mode not in ('1', 'P'):
                return NDData(
                    np.array(picture), meta={'pixels': 'grey values as stored', **_TOP_DOWN}
                )
            pixels = np.asarray(picture.convert('RGB'), dtype=np.float32) @ _LUMINANCE
    except UnidentifiedImageError as error:
        raise ImageError(f'{path} is neither FITS nor a picture that Pillow reads.') from error
    # A broken PNG is a SyntaxError to Pillow.
    except (OSError, SyntaxError, ValueError, Image.DecompressionBombError) as error:
        raise ImageError(f'{path} cannot be read as a picture: {error}') from error
    meta = {'pixels': 'luminance 0.299 R + 0.587 G + 0.114 B', **_TOP_DOWN}
    return NDData(pixels, meta=meta)
