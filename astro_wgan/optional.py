"""Optional packages, and how to install one that is missing."""

import sys
from contextlib import contextmanager
from importlib import import_module
from importlib.util import find_spec

from astro_wgan.exceptions import MissingPackageError

__all__ = ['explained_without_networks', 'find_optional', 'import_optional']

#: The name on PyPI of each optional package, and the extra of astro_wgan that installs it.
_PACKAGES = {
    'aiohttp': ('aiohttp', 'cloud'),
    'anywidget': ('anywidget', 'notebook'),
    'astropy_healpix': ('astropy-healpix', 'hats'),
    'bagpipes': ('bagpipes', 'ssp'),
    'distributed': ('distributed', 'dask'),
    'fsspec': ('fsspec', 'cloud'),
    'galsim': ('GalSim', 'sim'),
    'h5py': ('h5py', 'particles'),
    'matplotlib': ('Matplotlib', 'plot'),
    'onnxruntime': ('onnxruntime', 'onnx'),
    'pyarrow': ('pyarrow', 'hats'),
    's3fs': ('s3fs', 'cloud'),
    'sedpy': ('astro-sedpy', 'ssp'),
    'skimage': ('scikit-image', 'onnx'),
    'sklearn': ('scikit-learn', 'baselines'),
    'starlette': ('Starlette', 'browse'),
    'statmorph': ('statmorph', 'morphology'),
    'umap': ('umap-learn', 'umap'),
    'uvicorn': ('uvicorn', 'browse'),
    'ytree': ('ytree', 'trees'),
}

#: Packages of networks, which are required wherever TensorFlow can be installed.
_NETWORKS = ('keras', 'tensorflow')


def import_optional(name, *, purpose):
    """
    Import an optional package or a module of it.

    Parameters
    ----------
    name : str
        Its import name, such as ``'sklearn.manifold'``.
    purpose : str
        What needs it, the beginning of the error: ``'Figures need'``.

    Returns
    -------
    module

    Raises
    ------
    MissingPackageError
        If the package is not installed, with the command that installs it.

    Examples
    --------
    >>> from astro_wgan.optional import import_optional
    >>> import_optional('matplotlib', purpose='Figures need').__name__
    'matplotlib'
    """
    package = name.partition('.')[0]
    try:
        import_module(package)
        return import_module(name)
    except ImportError as error:
        # A package that is installed, but broken, has its own error.
        if find_spec(package) is not None:
            raise
        raise MissingPackageError(_advice(package, purpose)) from error


def find_optional(name, *, purpose, extra=None):
    """
    The location of an optional package, without importing it.

    Parameters
    ----------
    name : str
        Its import name.
    purpose : str
        What needs it, the beginning of the error.
    extra : str, optional
        The extra to install where another than the usual one has the package, too.

    Returns
    -------
    spec : `~importlib.machinery.ModuleSpec`

    Raises
    ------
    MissingPackageError
        If the package is not installed, with the command that installs it.
    """
    spec = find_spec(name)
    if spec is None:
        raise MissingPackageError(_advice(name, purpose, extra))
    return spec


@contextmanager
def explained_without_networks(name):
    """
    Say in a sentence that a name needs TensorFlow where that is not installed.

    Parameters
    ----------
    name : str
        What is imported meanwhile, the beginning of the error.

    Raises
    ------
    MissingPackageError
        If the import fails since Keras or TensorFlow is not installed.

    Examples
    --------
    >>> from astro_wgan.optional import explained_without_networks
    >>> with explained_without_networks('WGAN'):
    ...     raise ModuleNotFoundError(name='tensorflow')
    Traceback (most recent call last):
        ...
    astro_wgan.exceptions.MissingPackageError: WGAN needs TensorFlow: pip install "keras>=3.5"...
    """
    try:
        yield
    except ModuleNotFoundError as error:
        if (error.name or '').partition('.')[0] not in _NETWORKS:
            raise
        # Not needed otherwise, and slow to import.
        import platform

        raise MissingPackageError(
            f'{name} needs TensorFlow: pip install "keras>=3.5" "tensorflow>=2.18". It is made for '
            'Python 3.11 to 3.13, for 3.14 as a release candidate, and not for Macs with Intel '
            f'processors; this is Python {platform.python_version()} on {sys.platform}, '
            f'{platform.machine()}.'
        ) from error


def _advice(package, purpose, extra=None):
    distribution, usual = _PACKAGES[package]
    return f'{purpose} {distribution}: pip install "astro_wgan[{extra or usual}]".'
