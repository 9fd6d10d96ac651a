"""Small images that come with the package, each with its credit and licence."""

from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path

from astro_wgan.images import read_image

__all__ = ['BundledImage', 'describe', 'image_path', 'load_image', 'names']


@dataclass(frozen=True)
class BundledImage:
    """
    What is known of a bundled image.

    Attributes
    ----------
    file : str
        Name of the file.
    description, credit, licence : str
        What it shows, whom to thank, and on which terms it may be passed on.
    """

    file: str
    description: str
    credit: str
    licence: str


_IMAGES = {
    'hubble_xdf': BundledImage(
        'hubble_deep_field.jpg',
        'The Hubble eXtreme Deep Field: colour composite of 1000 x 872 pixels, 8 bit, not linear.',
        'NASA; ESA; G. Illingworth, D. Magee, and P. Oesch, University of California, Santa Cruz; '
        'R. Bouwens, Leiden University; and the HUDF09 Team. As shipped in scikit-image 0.16.2.',
        'public domain',
    ),
    'mock_f814w': BundledImage(
        'mock_f814w.fits',
        'A simulated group of galaxies, as HST ACS would see it in F814W in COSMOS: 250 x 250 '
        'pixels of 0.03 arcsec in electron / s, celestial WCS, PSF, and a table of what was drawn.',
        'The developers of astro_wgan (benchmarks/bundled/mock_f814w.py).',
        'BSD 3-clause, as the package',
    ),
    'ntt_field': BundledImage(
        'ntt_field.fits',
        'ESO NTT EMMI R-band field: 256 x 256 pixels, linear counts, no celestial WCS.',
        'ESO. As shipped in the source distribution of sep 1.4.1 (data/).',
        'LGPL, BSD and MIT, as sep',
    ),
}

#: Names of images that came with former releases, and what does instead.
_FORMER = {'hst_cosmos_f814w': 'mock_f814w'}


def names():
    """
    Names of the bundled images.

    Examples
    --------
    >>> from astro_wgan import datasets
    >>> datasets.names()
    ['hubble_xdf', 'mock_f814w', 'ntt_field']
    """
    return sorted(_IMAGES)


def describe(name):
    """
    The `BundledImage` of a name.

    Raises
    ------
    ValueError
        If there is no such image.
    """
    if name in _FORMER:
        raise ValueError(
            f'The image {name!r} no longer comes with the package; {_FORMER[name]!r}, a simulated '
            'image of the same size and pixel scale, takes its place.'
        )
    if name not in _IMAGES:
        raise ValueError(f'`name` of a bundled image must be one of {names()}; got {name!r}.')
    return _IMAGES[name]


def image_path(name):
    """
    Path of a bundled image's file.

    Raises
    ------
    ValueError
        If there is no such image.
    """
    return Path(str(files('astro_wgan.datasets') / 'data' / describe(name).file))


def load_image(name):
    """
    A bundled image as `~astropy.nddata.CCDData`.

    Colour images are read as luminance. ``meta['credit']`` names whom to thank.

    Parameters
    ----------
    name : str
        One of `names`.

    Returns
    -------
    `~astropy.nddata.CCDData`

    Raises
    ------
    ValueError
        If there is no such image.

    Examples
    --------
    >>> from astro_wgan import datasets
    >>> datasets.load_image('hubble_xdf').shape
    (872, 1000)
    """
    image = read_image(image_path(name))
    image.meta['credit'] = describe(name).credit
    return image
