"""Options of commands that detect sources and make stamps."""

__all__ = ['DETECTION', 'MAKING', 'add_detection', 'add_making', 'names_of_bands']

_AS_MODEL = ' (by default as of the stamps that the model was trained on)'

#: How stamps are made.
MAKING = {
    'detect_in': {
        'metavar': 'BAND',
        'help': 'band in which sources are detected, or chi2 for all of them',
    },
    'sky': {
        'choices': ['keep', 'subtract'],
        'help': 'keep the sky in the stamps, or subtract the background that is measured or known',
    },
    'scale': {
        'choices': ['source'],
        'help': 'stamps that follow the source: 16 half-light radii across, resampled',
    },
    'neighbors': {
        'choices': ['keep', 'mask', 'replace'],
        'help': 'keep the neighbors of the central source, mask them, or replace them by sky',
    },
    'stars': {
        'choices': ['keep', 'mask'],
        'help': 'keep or mask point sources beside or on a galaxy',
    },
}

#: Detection of sources.
DETECTION = {
    'threshold': {'type': float, 'help': 'detection threshold in units of the noise'},
    'min_area': {'type': int, 'help': 'minimum area of a source in pixels'},
    'deblend_levels': {'type': int, 'help': 'number of deblending levels'},
    'deblend_contrast': {'type': float, 'help': 'deblending contrast (DEBLEND_MINCONT)'},
    'background_box': {'type': int, 'help': 'size of the background mesh in pixels'},
    'background': {
        'type': float,
        'help': 'known background level, 0 if it has been subtracted',
    },
}


def names_of_bands(text):
    """Names of bands that are separated by commas, as a list."""
    return [name.strip() for name in text.split(',')]


def add_making(add, defaults=None):
    """
    Add the options that say how stamps are made.

    Parameters
    ----------
    add : callable
        ``add_argument`` of a parser.
    defaults : `~astro_wgan.HuntConfig`, optional
        By default those of the stamps that a model was trained on.
    """
    _add_all(add, MAKING, defaults)


def add_detection(add, defaults=None):
    """
    Add the options of the detection of sources.

    Parameters
    ----------
    add : callable
        ``add_argument`` of a parser.
    defaults : `~astro_wgan.detection.DetectionConfig`, optional
        By default that of the sources that a model was trained on.
    """
    _add_all(add, DETECTION, defaults)


def _add_all(add, options, defaults):
    for name, about in options.items():
        option = f'--{name.replace("_", "-")}'
        if defaults is None:
            add(option, **about | {'help': about['help'] + _AS_MODEL})
        else:
            add(option, default=getattr(defaults, name), **about)
