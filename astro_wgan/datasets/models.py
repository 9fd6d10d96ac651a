"""Trained models that come with the package."""

from importlib.resources import files
from pathlib import Path

# The subpackage alone: its detector would import TensorFlow.
from astro_wgan import anomaly

__all__ = ['load_model', 'model_names', 'model_path']

# Trained on normal galaxies of 'benchmark-1', as CANDELS would observe them in F160W.
_NAMES = ('simulated_f160w',)


def model_names():
    """
    Names of the models.

    Examples
    --------
    >>> from astro_wgan import datasets
    >>> datasets.model_names()
    ['simulated_f160w']
    """
    return sorted(_NAMES)


def model_path(name):
    """
    Path of the folder of a model, as for ``astro-wgan hunt --model``.

    Parameters
    ----------
    name : str
        One of `model_names`.

    Returns
    -------
    `~pathlib.Path`

    Raises
    ------
    ValueError
        If there is no model of that name.
    """
    if name not in _NAMES:
        raise ValueError(f'`name` must be one of {model_names()}; got {name!r}.')
    return Path(str(files('astro_wgan.datasets') / 'data' / name))


def load_model(name='simulated_f160w'):
    """
    Load a detector that has been trained and calibrated.

    Parameters
    ----------
    name : str, optional
        One of `model_names`.

    Returns
    -------
    `~astro_wgan.AnomalyDetector`
        Its ``wgan`` is the `~astro_wgan.WGAN`.

    Raises
    ------
    ValueError
        If there is no model of that name.

    Notes
    -----
    The model card in the documentation describes the training set, the performance and the
    limitations of the model.

    Examples
    --------
    >>> from astro_wgan import datasets
    >>> detector = datasets.load_model()
    >>> detector.wgan.generate(2, seed=1)
    <StampSet: 2 stamps of 64 x 64 pixels, float32, unit nJy, 0.06 arcsec / pix>
    """
    return anomaly.AnomalyDetector.load(model_path(name))
