"""The model that the training of a hunt starts from: that of the package, or another."""

import os
from dataclasses import dataclass, replace
from pathlib import Path

from astro_wgan.datasets import model_names, model_path
from astro_wgan.jobs import describe_networks

__all__ = ['InitialModel', 'check_initial_model', 'find_initial_model', 'model_folder']


@dataclass(frozen=True, eq=False)
class InitialModel:
    """
    A model to start a training from.

    Attributes
    ----------
    wgan : `~astro_wgan.WGAN` or None
        None for random weights.
    name : str
        What it is, for people and for the provenance.
    """

    wgan: object
    name: str

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


def find_initial_model(initial_model, network):
    """
    The model to start from.

    Parameters
    ----------
    initial_model
        As in `~astro_wgan.hunt`.
    network : `~astro_wgan.wgan.NetworkConfig`
        Networks that are to be trained.

    Returns
    -------
    InitialModel

    Raises
    ------
    ValueError
        If the model has other networks. Of ``'auto'``, random weights are used instead.
    """
    from astro_wgan.wgan import WGAN

    if initial_model is None:
        return InitialModel(None, 'random weights')
    if isinstance(initial_model, str) and initial_model == 'auto':
        return _of_the_package(network)
    if isinstance(initial_model, (str, os.PathLike)):
        name = str(initial_model)
        wgan = WGAN.load(model_path(name) if name in model_names() else model_folder(name))
    else:
        wgan, name = getattr(initial_model, 'wgan', initial_model), 'a given model'
    if not _fits(wgan, network):
        raise ValueError(
            f'`initial_model` ({name}) must have the networks that are to be trained, {network}, '
            f'or those for a single band; got {wgan.network}.'
        )
    return InitialModel(wgan, name)


def _of_the_package(network):
    """A model of the package with the same networks, or random weights if there is none."""
    from astro_wgan.wgan import WGAN

    for name in model_names():
        wgan = WGAN.load(model_path(name))
        if _fits(wgan, network):
            return InitialModel(wgan, name)
    return InitialModel(None, 'random weights: no model of the package has these networks')


def _fits(wgan, network):
    return wgan.is_fitted and wgan.network in (network, replace(network, bands=1))


def model_folder(path):
    """
    The folder of a model.

    Parameters
    ----------
    path : path-like
        That folder, or the one of the hunt that wrote it.

    Returns
    -------
    `~pathlib.Path`
    """
    path = Path(path)
    return path / 'model' if (path / 'model').is_dir() else path
