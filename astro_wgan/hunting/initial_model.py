"""The model that the training of a hunt starts from: that of the package, or another."""

import os
from dataclasses import dataclass, fields, replace
from pathlib import Path

from astro_wgan.datasets import model_names, model_path
from astro_wgan.jobs import describe_networks

__all__ = ['InitialModel', 'check_initial_model', 'find_initial_model', 'model_folder']


#: Angle of a pixel, in units of that of the training set of a model, from and up to which it was
#: found to be a better start than random weights: in all classes to 4 times, in most to 8.
_SMALLEST_RATIO, _LARGEST_RATIO = 0.25, 8.0


@dataclass(frozen=True, eq=False)
class InitialModel:
    """
    A model to start a training from.

    Attributes
    ----------
    wgan : `~astro_wgan.WGAN` or None
        None for random weights.
    name : str
        What it is, for the provenance.
    reason : str
        Why it is taken, or what it was trained on beside these stamps, for people.
    """

    wgan: object
    name: str
    reason: str = ''

    def describe(self):
        """Its weights, for a fingerprint."""
        if self.wgan is None:
            return {}
        wgan = self.wgan
        return describe_networks(
            generator=wgan.generator_, critic=wgan.critic_, encoder=wgan.encoder_
        )


def check_initial_model(initial_model, model):
    """
    Refuse what is no initial model, before anything is read.

    Parameters
    ----------
    initial_model, model
        As in `~astro_wgan.hunt`.

    Raises
    ------
    ValueError
        If both are given, or there is no model of this name and no such folder.
    """
    if initial_model is None or hasattr(initial_model, 'generator_'):
        pass
    elif isinstance(initial_model, (str, os.PathLike)):
        known = initial_model == 'auto' or initial_model in model_names()
        if not known and not Path(initial_model).is_dir():
            raise ValueError(
                "`initial_model` must be 'auto', None, the folder of a model, or one of "
                f'{model_names()}; got {str(initial_model)!r}.'
            )
    elif not hasattr(initial_model, 'wgan'):
        raise ValueError(
            "`initial_model` must be 'auto', None, a WGAN, a detector, a folder or a name; got "
            f'{type(initial_model).__name__}.'
        )
    if model is not None and initial_model not in ('auto', None):
        raise ValueError('Give `model`, which is not trained, or `initial_model`, not both.')


def find_initial_model(initial_model, network, *, pixel_scale=None):
    """
    The model to start from.

    Parameters
    ----------
    initial_model
        As in `~astro_wgan.hunt`.
    network : `~astro_wgan.wgan.NetworkConfig`
        Networks that are to be trained.
    pixel_scale : `~astropy.units.Quantity`, optional
        Angle on the sky of a pixel of the stamps, where it is known.

    Returns
    -------
    InitialModel

    Raises
    ------
    ValueError
        If the model has other networks. Of ``'auto'``, random weights are used instead.

    Notes
    -----
    ``'auto'`` takes a model of the package with the same networks, for any number of bands and
    either stretch, if a pixel of the stamps is from 1/4 to 8 times as large on the sky as those
    that it was trained on, or the angle is not known. Of simulated fields it was the better start
    than random weights up to 4 times in every class, and at 8 times, where galaxies were not
    resolved, in two of three (``benchmarks/experiments/initial_models.py``); surveys with such
    pixels see larger galaxies.
    """
    from astro_wgan.wgan import WGAN

    if initial_model is None:
        return InitialModel(None, 'random weights')
    if isinstance(initial_model, str) and initial_model == 'auto':
        return _of_the_package(network, pixel_scale)
    if isinstance(initial_model, (str, os.PathLike)):
        name = str(initial_model)
        wgan = WGAN.load(model_path(name) if name in model_names() else model_folder(name))
    else:
        wgan, name = getattr(initial_model, 'wgan', initial_model), 'a given model'
    if not _fits(wgan, network):
        raise ValueError(
            f'`initial_model` ({name}) must have the networks that are to be trained, or those for '
            f'a single band; {_difference(wgan, network)}.'
        )
    return InitialModel(wgan, name, _comparison(wgan, network, pixel_scale))


def _of_the_package(network, pixel_scale):
    """A model of the package for such stamps, or random weights if there is none."""
    from astro_wgan.wgan import WGAN

    why = 'no model of the package'
    for name in model_names():
        wgan = WGAN.load(model_path(name))
        if not _fits(wgan, network):
            why = f'{name} does not fit: {_difference(wgan, network)}'
            continue
        ratio = _ratio(wgan, pixel_scale)
        if ratio is None or _SMALLEST_RATIO <= ratio <= _LARGEST_RATIO:
            return InitialModel(wgan, name, _comparison(wgan, network, pixel_scale))
        why = (
            f'{name} has pixels of {_angle(wgan.pixel_scale_)}, and is a start for those from '
            f'{_SMALLEST_RATIO:g} to {_LARGEST_RATIO:g} times as large; these have '
            f'{_angle(pixel_scale)}'
        )
    return InitialModel(None, 'random weights', why)


def _ratio(wgan, pixel_scale):
    """Angle of a pixel in units of that of the model, or None where one is not known."""
    if pixel_scale is None or wgan.pixel_scale_ is None:
        return None
    return float(pixel_scale / wgan.pixel_scale_)


def _comparison(wgan, network, pixel_scale):
    """What a model that is taken was trained on, beside these stamps, as text."""
    parts = []
    if wgan.pixel_scale_ is not None:
        here = 'unknown here' if pixel_scale is None else f'{_angle(pixel_scale)} here'
        parts.append(f'pixels of {_angle(wgan.pixel_scale_)}, {here}')
    bands = wgan.network.bands
    if bands != network.bands:
        parts.append(f'{bands} band, {network.bands} here, which begin with its weights each')
    return '; '.join(parts)


def _angle(scale):
    return f'{scale.to_value("arcsec / pix"):.3g} arcsec'


def _fits(wgan, network):
    return wgan.is_fitted and wgan.network in (network, replace(network, bands=1))


def _difference(wgan, wanted):
    """What the networks of a model differ in, as text."""
    if not wgan.is_fitted:
        return 'it is not fitted'
    network = wgan.network
    other = {
        f.name: (getattr(network, f.name), getattr(wanted, f.name))
        for f in fields(network)
        if getattr(network, f.name) != getattr(wanted, f.name)
    }
    # The filters follow from the size.
    shown = ['size'] if 'size' in other else list(other)
    return ' and '.join('its {} is {!r} instead of {!r}'.format(n, *other[n]) for n in shown)


def model_folder(path):
    """
    The folder of a model.

    Parameters
    ----------
    path : path-like
        That folder, or the one of the hunt that wrote it; or, where there is no such folder, the
        name of a model of the package.

    Returns
    -------
    `~pathlib.Path`
    """
    path = Path(path)
    if str(path) in model_names() and not path.exists():
        return model_path(str(path))
    return path / 'model' if (path / 'model').is_dir() else path
