"""Trained models that come with the package."""

from importlib.resources import files
from pathlib import Path

__all__ = ['load_model', 'model_names', 'model_path']

# Simulated normal galaxies as CANDELS would see them in F160W: the recipe benchmark-1.
_MODELS = ('simulated_f160w',)


def model_names():
    """
    Names of the models.

    Examples
    --------
    >>> from astro_wgan import datasets
    >>> datasets.model_names()
    ['simulated_f160w']
    """
    return sorted(_MODELS)


def model_path(name):
    """
    Folder of a model, as ``astro-wgan hunt --model`` takes it.

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
    if name not in _MODELS:
        raise ValueError(f'`name` must be one of {model_names()}; got {name!r}.')
    return Path(str(files('astro_wgan.datasets') / 'data' / name))


def load_model(name='simulated_f160w'):
    """
    A detector that has been trained and calibrated.

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
    What it was trained on, what it finds and what it does not is told by its card in the docs.

    Examples
    --------
    >>> from astro_wgan import datasets
    >>> detector = datasets.load_model()
    >>> detector.wgan.generate(2, seed=1)
    <StampSet: 2 stamps of 64 x 64 pixels, float32, unit nJy, 0.06 arcsec / pix>
    """
    # This room comes before that of the detector, and needs no network for all else.
    from astro_wgan.anomaly import AnomalyDetector

    return AnomalyDetector.load(model_path(name))
