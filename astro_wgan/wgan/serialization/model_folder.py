"""A fitted WGAN as a folder of files."""

import json

import numpy as np
from astropy import units as u

from astro_wgan.bands.trained_bands import as_trained_bands
from astro_wgan.exceptions import DamagedFileError
from astro_wgan.files.configurations.config_values import from_dict, to_dict
from astro_wgan.files.former_names import current_names
from astro_wgan.files.json_text import parse_json
from astro_wgan.files.limits import check_unit_text
from astro_wgan.files.manifest import (
    MANIFEST,
    atomic_write_together,
    damage_in,
    damage_told,
    read_together,
)
from astro_wgan.stamps.intensity.stretch import Stretch
from astro_wgan.wgan.config.network_config import NetworkConfig
from astro_wgan.wgan.config.training_config import TrainingConfig
from astro_wgan.wgan.networks import build_critic, build_encoder, build_generator, count_weights
from astro_wgan.wgan.noise_layer import build_noise
from astro_wgan.wgan.serialization.history_file import read_history
from astro_wgan.wgan.serialization.network_files import KerasFile, load_weights, verify_weights

__all__ = [
    'KNOWN_FILES',
    'OF_DETECTORS',
    'check_format',
    'check_savable',
    'parse_model',
    'write_model_files',
    'write_network_file',
    'read_model',
    'write_model',
]

_FORMAT = 'astro_wgan model 3'
#: Models of format 1 may lack a manifest; until format 2 some parameters had other names.
_FORMER = ('astro_wgan model 1', 'astro_wgan model 2')

_DESCRIPTION, _HISTORY = 'model.json', 'history.ecsv'
_NETWORKS = ('generator', 'critic', 'noise', 'encoder')

_OF_MODELS = (*(f'{name}.keras' for name in _NETWORKS), _HISTORY, _DESCRIPTION)

#: Files that a detector adds to those of its model.
OF_DETECTORS = ('search_encoder.keras', 'classifier.keras', 'components.keras', 'detector.json')

#: All files of a model, and of a detector.
KNOWN_FILES = (*_OF_MODELS, *OF_DETECTORS)


def write_model(wgan, folder):
    """
    Write networks, stretch, configuration, history and provenance.

    Parameters
    ----------
    wgan : `~astro_wgan.WGAN`
        A fitted model.
    folder : path-like
        Created if needed; an earlier model or detector in it is replaced atomically.

    Raises
    ------
    ValueError
        If a network does not match the configuration, or has weights that are not finite.
    FileExistsError
        If a file with one of the names exists that is not from an earlier save.
    OSError
        If the model cannot be written; an earlier model is kept.
    """
    check_savable(wgan)
    with atomic_write_together(folder, known=KNOWN_FILES) as place:
        write_model_files(wgan, place)


def check_savable(wgan):
    """Raise a ValueError for a model that could not be loaded again."""
    counts = count_weights(wgan.network)
    for name in _network_names(wgan):
        network = getattr(wgan, f'{name}_')
        weights = network.get_weights()
        if name in counts and sum(map(np.size, weights)) != counts[name]:
            raise ValueError(
                f'The model cannot be saved: its {name} has {sum(map(np.size, weights))} weights, '
                f'but according to its `network` {counts[name]}.'
            )
        if not all(np.isfinite(array).all() for array in weights):
            raise ValueError(f'The model cannot be saved: weights of its {name} are not finite.')


def write_model_files(wgan, place):
    """
    Write the files of a model.

    Parameters
    ----------
    wgan : `~astro_wgan.WGAN`
    place : callable
        From the name of a file to the path where to write it.
    """
    for name in _network_names(wgan):
        write_network_file(getattr(wgan, f'{name}_'), place(f'{name}.keras'))
    wgan.history_.write(place(_HISTORY), format='ascii.ecsv')
    description = {
        'format': _FORMAT,
        'network': to_dict(wgan.network),
        'training': to_dict(wgan.training),
        'stretch': wgan.stretch_.to_dict(),
        'bands': [band.to_dict() for band in wgan.bands_],
        'center': wgan.center_,
        'unit': None if wgan.unit_ is None else wgan.unit_.to_string(),
        'pixel_scale_arcsec': (
            None if wgan.pixel_scale_ is None else wgan.pixel_scale_.to_value('arcsec / pix')
        ),
        'provenance': wgan.provenance_,
    }
    place(_DESCRIPTION).write_text(json.dumps(description, indent=2))


def write_network_file(network, path):
    """Write a network as a Keras file, and check that its weights can be read back."""
    network.save(path)
    verify_weights(network, KerasFile(path.read_bytes()))


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
        Largest size of each file in bytes; see `~astro_wgan.files.limits.largest_size`.

    Returns
    -------
    `~astro_wgan.WGAN`

    Raises
    ------
    FileNotFoundError
        If the folder does not exist or has no model.
    ValueError
        If the files are not a model of this or an earlier version, or are damaged.
    """
    with damage_told('model', folder):
        files = read_together(folder, _OF_MODELS, max_size=max_size)
        return parse_model(kind, folder, files)


def parse_model(kind, folder, files):
    """
    A model from the contents of its files.

    Parameters
    ----------
    kind : type
        `~astro_wgan.WGAN`.
    folder : path-like
        Folder of the files, for messages.
    files : dict of bytes
        Contents by name.

    Returns
    -------
    `~astro_wgan.WGAN`

    Raises
    ------
    FileNotFoundError
        If the description of the model is missing.
    DamagedFileError
        If a file is damaged.
    """
    if _DESCRIPTION not in files:
        raise FileNotFoundError(f'There is no model in {folder}: {_DESCRIPTION} is missing.')
    with damage_in(_DESCRIPTION):
        description = parse_json(files[_DESCRIPTION], finite=False)
        check_format(description['format'], _FORMAT, _FORMER, files)
        wgan = kind(
            _network_config(description['network']),
            from_dict(TrainingConfig, current_names(description['training'], 'training')),
        )
        wgan.stretch_ = _stretch(description['stretch'], wgan.network.bands)
        # Another training measures its own levels.
        wgan.stretch = wgan.stretch_.clone().set_params(
            sky=None, noise_rms=None, peak=None, unit=None
        )
        # Models of earlier versions know no names of bands.
        wgan.bands_ = as_trained_bands(description.get('bands'), wgan.network.bands)
        wgan.center_ = _center(description.get('center'), wgan.network.size)
        wgan.unit_ = _unit(description['unit'])
        wgan.pixel_scale_ = _pixel_scale(description['pixel_scale_arcsec'])
        wgan.provenance_ = description['provenance']
        if not isinstance(wgan.provenance_, dict):
            raise ValueError(f'its provenance is {wgan.provenance_!r:.40}')
    stored = {}
    for name in _network_names(wgan):
        with damage_in(f'{name}.keras'):
            stored[name] = KerasFile(files[f'{name}.keras'])
            stored[name].check_room(count_weights(wgan.network).get(name, 0))
    # The sizes of all files are checked before a network is built.
    for name, file in stored.items():
        with damage_in(f'{name}.keras'):
            setattr(wgan, f'{name}_', _network(name, wgan, file))
    with damage_in(_HISTORY):
        wgan.history_ = read_history(files[_HISTORY])
    return wgan


def check_format(found, own, former, files):
    """Raise an error for an unknown format, or for one of this version without its manifest."""
    if found != own and found not in former:
        raise ValueError(f'its format is {found!r:.60}')
    if found == own and MANIFEST not in files:
        raise DamagedFileError(f'its file {MANIFEST} is missing')


def _network_names(wgan):
    """The networks of a model, according to its configuration."""
    optional = {'noise': wgan.network.noise, 'encoder': wgan.training.reconstruction_weight > 0}
    return [name for name in _NETWORKS if optional.get(name, True)]


def _network(name, wgan, file):
    """
    A network with its weights.

    The layers are built from the configuration, not from the file. Versions of Keras can thus read
    files of later versions, and no file can cause code to be executed.
    """
    if name == 'noise':
        network = build_noise(wgan.network, wgan.stretch_)
    else:
        build = {'generator': build_generator, 'critic': build_critic, 'encoder': build_encoder}
        network = build[name](wgan.network)
    load_weights(network, file)
    return network


def _network_config(values):
    config = from_dict(NetworkConfig, current_names(values, 'network'))
    if None in config.image_shape:
        raise ValueError('its network has no size or number of bands')
    return config


def _stretch(values, bands):
    _unit(values['unit'])
    stretch = from_dict(Stretch, current_names(values, 'stretch'))
    if not stretch.is_fitted or len(stretch.sky_) not in (1, bands):
        raise ValueError(f'its stretch is not fitted to {bands} bands')
    return stretch


def _center(values, size):
    if values is None:
        return None
    middle = (size - 1) / 2
    offsets = [2 * (float(value) - middle) for value in values]
    whole = len(offsets) == 2 and all(offset.is_integer() for offset in offsets)
    if not whole or max(map(abs, offsets)) > size or (offsets[0] - offsets[1]) % 2:
        raise ValueError(f'its center is {values!r:.40}')
    return tuple(map(float, values))


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
