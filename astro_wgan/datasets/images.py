"""Small images that come with the package, with their credits and licenses."""

from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path

from astro_wgan.images import read_image

__all__ = [
    'BundledImage',
    'credit_of_file',
    'image_info',
    'image_names',
    'image_path',
    'load_image',
]


@dataclass(frozen=True)
class BundledImage:
    """
    Description of a bundled image.

    Attributes
    ----------
    file : str
        Name of the file.
    description, credit, license : str
        What it shows, whom to credit, and the license for redistribution.
    """

    file: str
    description: str
    credit: str
    license: str


_IMAGES = {
    'hubble_xdf': BundledImage(
        'hubble_deep_field.jpg',
        'The Hubble eXtreme Deep Field: color composite of 1000 x 872 pixels, 8 bit, not linear.',
        'NASA; ESA; G. Illingworth, D. Magee, and P. Oesch, University of California, Santa Cruz; '
        'R. Bouwens, Leiden University; and the HUDF09 Team. As shipped in scikit-image 0.16.2.',
        'public domain',
    ),
    'mock_f814w': BundledImage(
        'mock_f814w.fits',
        'A simulated group of galaxies, as HST ACS would observe it in F814W in COSMOS: 250 x 250 '
        'pixels of 0.03 arcsec in electron / s, celestial WCS, PSF, and a table of its sources.',
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

#: Names of images of earlier versions, and their replacements.
_FORMER_NAMES = {'hst_cosmos_f814w': 'mock_f814w'}


def image_names():
    """
    Names of the bundled images.

    Examples
    --------
    >>> from astro_wgan import datasets
    >>> datasets.image_names()
    ['hubble_xdf', 'mock_f814w', 'ntt_field']
    """
    return sorted(_IMAGES)


def image_info(name):
    """
    Description, credit and license of a bundled image.

    Parameters
    ----------
    name : str
        One of `image_names`.

    Returns
    -------
    `BundledImage`

    Raises
    ------
    ValueError
        If there is no image of that name.
    """
    if name in _FORMER_NAMES:
        raise ValueError(
            f'The image {name!r} no longer comes with the package; use {_FORMER_NAMES[name]!r}, a '
            'simulated image of the same size and pixel scale, instead.'
        )
    if name not in _IMAGES:
        raise ValueError(f'`name` must be one of {image_names()}; got {name!r}.')
    return _IMAGES[name]


def image_path(name):
    """
    Path of the file of a bundled image.

    Parameters
    ----------
    name : str
        One of `image_names`.

    Returns
    -------
    `~pathlib.Path`

    Raises
    ------
    ValueError
        If there is no image of that name.
    """
    return Path(str(files('astro_wgan.datasets') / 'data' / image_info(name).file))


def load_image(name):
    """
    Load a bundled image.

    Color images are converted to luminance. ``meta['credit']`` has the credit.

    Parameters
    ----------
    name : str
        One of `image_names`.

    Returns
    -------
    `~astropy.nddata.CCDData`

    Raises
    ------
    ValueError
        If there is no image of that name.

    Examples
    --------
    >>> from astro_wgan import datasets
    >>> datasets.load_image('hubble_xdf').shape
    (872, 1000)
    """
    image = read_image(image_path(name))
    image.meta['credit'] = image_info(name).credit
    return image


def credit_of_file(path):
    """
    Whom to credit for a file, if it is that of a bundled image.

    Parameters
    ----------
    path : path-like

    Returns
    -------
    str or None

    Examples
    --------
    >>> from astro_wgan.datasets.images import credit_of_file, image_path
    >>> credit_of_file(image_path('ntt_field'))
    'ESO. As shipped in the source distribution of sep 1.4.1 (data/).'
    """
    path = Path(path).resolve()
    names = [name for name in _IMAGES if image_path(name).resolve() == path]
    return image_info(names[0]).credit if names else None
