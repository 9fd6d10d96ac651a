"""A fitted WGAN as a folder of files."""

import json

import numpy as np
from astropy import units as u

from astro_wgan.exceptions import DamagedFileError
from astro_wgan.files.json_text import parse_json
from astro_wgan.files.limits import check_unit_text
from astro_wgan.files.manifest import (
    MANIFEST,
    atomic_write_together,
    damage_in,
    damage_told,
    read_together,
)
from astro_wgan.stamps.stretch import Stretch, current_names
from astro_wgan.wgan.config import NetworkConfig, TrainingConfig
from astro_wgan.wgan.networks import build_critic, build_encoder, build_generator, count_weights
from astro_wgan.wgan.noise_layer import build_noise
from astro_wgan.wgan.serialization.config_values import from_dict, to_dict
from astro_wgan.wgan.serialization.former_names import renamed
from astro_wgan.wgan.serialization.history_file import read_history
from astro_wgan.wgan.serialization.network_files import KerasFile, check_stored, take_stored_weights

__all__ = [
    'KNOWN_FILES',
    'check_format',
    'check_savable',
    'parse_model',
    'put_model',
    'put_network',
    'read_model',
    'write_model',
]

_FORMAT = 'astro_wgan model 3'
#: Models of format 1 may lack a manifest; until format 2 some parameters had other names.
_FORMER = ('astro_wgan model 1', 'astro_wgan model 2')

_DESCRIPTION, _HISTORY = 'model.json', 'history.ecsv'
_NETWORKS = ('generator', 'critic', 'noise', 'encoder')

#: All that may lie in a folder of a model, or of a detector, which puts its own files beside.
KNOWN_FILES = (
    *(f'{name}.keras' for name in _NETWORKS),
    _HISTORY,
    _DESCRIPTION,
    'search_encoder.keras',
    'detector.json',
)


def write_model(wgan, folder):
    """
    Write networks, stretch, configuration, history and provenance.

    Parameters
    ----------
    wgan : `~astro_wgan.WGAN`
        A fitted model.
    folder : path-like
        Made if needed; an earlier model or detector in it is replaced, all of it at once.

    Raises
    ------
    ValueError
        If a network is not that of the configuration, or has weights that are not finite.
    FileExistsError
        If a file that is not of an earlier save is in the way.
    OSError
        If it cannot be written; an earlier model stays.
    """
    check_savable(wgan)
    with atomic_write_together(folder, known=KNOWN_FILES) as place:
        put_model(wgan, place)


def check_savable(wgan):
    """Refuse a model that could not be loaded again, before anything is written."""
    counts = count_weights(wgan.network)
    for name in _held(wgan):
        network = getattr(wgan, f'{name}_')
        weights = network.get_weights()
        if name in counts and sum(map(np.size, weights)) != counts[name]:
            raise ValueError(
                f'The {name} has {sum(map(np.size, weights))} weights, and by the `network` of '
                f'the model it has {counts[name]}: it cannot be saved.'
            )
        if not all(np.isfinite(array).all() for array in weights):
            raise ValueError(f'The {name} has weights that are not finite: it is not saved.')


def put_model(wgan, place):
    """
    Write the files of a model.

    Parameters
    ----------
    wgan : `~astro_wgan.WGAN`
    place : callable
        From the name of a file to the path at which to write it.
    """
    for name in _held(wgan):
        put_network(getattr(wgan, f'{name}_'), place(f'{name}.keras'))
    wgan.history_.write(place(_HISTORY), format='ascii.ecsv')
    description = {
        'format': _FORMAT,
        'network': to_dict(wgan.network),
        'training': to_dict(wgan.training),
        'stretch': wgan.stretch_.to_dict(),
        'unit': None if wgan.unit_ is None else wgan.unit_.to_string(),
        'pixel_scale_arcsec': (
            None if wgan.pixel_scale_ is None else wgan.pixel_scale_.to_value('arcsec / pix')
        ),
        'provenance': wgan.provenance_,
    }
    place(_DESCRIPTION).write_text(json.dumps(description, indent=2))


def put_network(network, path):
    """Write a network as a Keras file, and see that its weights can be read from it."""
    network.save(path)
    check_stored(network, KerasFile(path.read_bytes()))


def read_model(kind, folder, *, max_size=None):
    """
    Read a model that `write_model` wrote.

    Parameters
    ----------
    kind : type
        `~astro_wgan.WGAN`.
    folder : path-like
        The folder.
    max_size : number, optional
        Bytes that each of its files may take; see `~astro_wgan.files.limits.largest_size`.

    Returns
    -------
    `~astro_wgan.WGAN`

    Raises
    ------
    FileNotFoundError
        If there is no such folder, or no model in it.
    ValueError
        If the files in it are not a model of this version, or are damaged.
    """
    with damage_told('model', folder):
        files = read_together(folder, KNOWN_FILES[:-2], max_size=max_size)
        return parse_model(kind, folder, files)


def parse_model(kind, folder, files):
    """
    A model from what its files hold.

    Parameters
    ----------
    kind : type
        `~astro_wgan.WGAN`.
    folder : path-like
        Where they lie, for messages.
    files : dict of bytes
        By name.

    Returns
    -------
    `~astro_wgan.WGAN`

    Raises
    ------
    FileNotFoundError
        If there is no model among them.
    DamagedFileError
        If one is not what it should be.
    """
    if _DESCRIPTION not in files:
        raise FileNotFoundError(f'There is no model in {folder}: {_DESCRIPTION} is missing.')
    with damage_in(_DESCRIPTION):
        description = parse_json(files[_DESCRIPTION], finite=False)
        check_format(description['format'], _FORMAT, _FORMER, files)
        wgan = kind(
            from_dict(NetworkConfig, renamed(description['network'], 'network')),
            from_dict(TrainingConfig, renamed(description['training'], 'training')),
        )
        wgan.stretch = wgan.stretch_ = _stretch(description['stretch'], wgan.network.bands)
        wgan.unit_ = _unit(description['unit'])
        wgan.pixel_scale_ = _pixel_scale(description['pixel_scale_arcsec'])
        wgan.provenance_ = description['provenance']
        if not isinstance(wgan.provenance_, dict):
            raise ValueError(f'its provenance is {wgan.provenance_!r:.40}')
    stored = {}
    for name in _held(wgan):
        with damage_in(f'{name}.keras'):
            stored[name] = KerasFile(files[f'{name}.keras'])
            stored[name].check_room(count_weights(wgan.network).get(name, 0))
    # Not one is built before all are known to have room.
    for name, file in stored.items():
        with damage_in(f'{name}.keras'):
            setattr(wgan, f'{name}_', _network(name, wgan, file))
    with damage_in(_HISTORY):
        wgan.history_ = read_history(files[_HISTORY])
    return wgan


def check_format(found, own, former, files):
    """Refuse another format than this version's, of which there is a manifest, or former ones."""
    if found != own and found not in former:
        raise ValueError(f'it is of the format {found!r:.60}')
    if found == own and MANIFEST not in files:
        raise DamagedFileError(f'its file {MANIFEST} is missing')


def _held(wgan):
    """Which it has beside generator and critic follows from its configuration."""
    optional = {'noise': wgan.network.noise, 'encoder': wgan.training.reconstruction_weight > 0}
    return [name for name in _NETWORKS if optional.get(name, True)]


def _network(name, wgan, file):
    """
    A network with its weights.

    That the layers come from the configuration, and not from the file, lets versions of Keras read
    what later ones wrote, and lets no file say what is to be done.
    """
    if name == 'noise':
        network = build_noise(wgan.network, wgan.stretch_)
    else:
        build = {'generator': build_generator, 'critic': build_critic, 'encoder': build_encoder}
        network = build[name](wgan.network)
    take_stored_weights(network, file)
    return network


def _stretch(values, bands):
    _unit(values['unit'])
    stretch = from_dict(Stretch, current_names(values))
    if not stretch.is_fitted or len(stretch.sky_) not in (1, bands):
        raise ValueError(f'its stretch is not fitted, or not to {bands} bands')
    return stretch


def _unit(text):
    if text is None:
        return None
    check_unit_text(text)
    return u.Unit(text)


def _pixel_scale(arcsec):
    if arcsec is None:
        return None
    if not 0 < arcsec < np.inf:
        raise ValueError(f'its pixel scale is {arcsec!r:.40}')
    return arcsec * u.arcsec / u.pix
