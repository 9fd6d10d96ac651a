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


def add_making(add, table, *, as_model=False):
    """
    Add the options that say how stamps are made.

    Parameters
    ----------
    add : callable
        `~astro_wgan.commands.options.command.Command.add` of a command.
    table : str
        Name of the configuration that they set, such as ``'hunt'``.
    as_model : bool, optional
        Whether they are by default those of the stamps that a model was trained on.
    """
    _add_all(add, MAKING, table, as_model)


def add_detection(add, table, *, as_model=False):
    """
    Add the options of the detection of sources.

    Parameters
    ----------
    add : callable
        `~astro_wgan.commands.options.command.Command.add` of a command.
    table : str
        Name of the configuration that they set, such as ``'hunt.detection'``.
    as_model : bool, optional
        Whether it is by default that of the sources that a model was trained on.
    """
    _add_all(add, DETECTION, table, as_model)


def _add_all(add, options, table, as_model):
    for name, about in options.items():
        text = about['help'] + (_AS_MODEL if as_model else '')
        option = f'--{name.replace("_", "-")}'
        add(option, sets=f'{table}.{name}', **about | {'help': text})
