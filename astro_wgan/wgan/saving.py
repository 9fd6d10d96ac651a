"""A fitted WGAN as a folder of files."""

import json
from pathlib import Path

from astropy import units as u
from astropy.table import QTable

from astro_wgan.files import replaced
from astro_wgan.stamps import Stretch
from astro_wgan.wgan.config import NetworkConfig, TrainingConfig, from_dict, to_dict
from astro_wgan.wgan.networks import build_critic, build_encoder, build_generator
from astro_wgan.wgan.noise import build_noise

__all__ = ['read_model', 'write_model']

_FORMAT = 'astro_wgan model 1'


def write_model(wgan, folder):
    """
    Write networks, stretch, configuration, history and provenance.

    Parameters
    ----------
    wgan : `~astro_wgan.WGAN`
        A fitted model.
    folder : path-like
        Made if needed; files of an earlier model in it are replaced.
    """
    folder = Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    for name in _networks(wgan):
        with replaced(folder / f'{name}.keras') as temporary:
            getattr(wgan, f'{name}_').save(temporary)
    with replaced(folder / 'history.ecsv') as temporary:
        wgan.history_.write(temporary, format='ascii.ecsv')
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
    # Last: a folder with this file holds all the others.
    with replaced(folder / 'model.json') as temporary:
        temporary.write_text(json.dumps(description, indent=2))


def read_model(kind, folder):
    """
    Read a model that `write_model` wrote.

    Parameters
    ----------
    kind : type
        `~astro_wgan.WGAN`.
    folder : path-like
        The folder.

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
    folder = Path(folder)
    path = folder / 'model.json'
    if not path.is_file():
        raise FileNotFoundError(f'There is no model in {folder}: {path.name} is missing.')
    try:
        description = json.loads(path.read_text())
        if description['format'] != _FORMAT:
            raise ValueError(f'format {description["format"]!r}')
        wgan = kind(
            from_dict(NetworkConfig, description['network']),
            from_dict(TrainingConfig, description['training']),
        )
        wgan.stretch = wgan.stretch_ = Stretch.from_dict(description['stretch'])
        for name in _networks(wgan):
            network = _built(name, wgan)
            network.load_weights(folder / f'{name}.keras')
            setattr(wgan, f'{name}_', network)
        wgan.history_ = QTable.read(folder / 'history.ecsv', format='ascii.ecsv')
    except Exception as error:
        raise ValueError(
            f'The model in {folder} is not of this version, or it is damaged ({error}).'
        ) from error
    unit, scale = description['unit'], description['pixel_scale_arcsec']
    wgan.unit_ = None if unit is None else u.Unit(unit)
    wgan.pixel_scale_ = None if scale is None else scale * u.arcsec / u.pix
    wgan.provenance_ = description['provenance']
    return wgan


def _built(name, wgan):
    """
    A network as it was before it had its weights.

    That the layers come from the configuration, and not from the file, lets versions of Keras read
    what later ones wrote.
    """
    if name == 'noise':
        return build_noise(wgan.network, wgan.stretch_)
    build = {'generator': build_generator, 'critic': build_critic, 'encoder': build_encoder}
    return build[name](wgan.network)


def _networks(wgan):
    """Which it has beside generator and critic follows from its configuration."""
    optional = {'noise': wgan.network.noise, 'encoder': wgan.training.reconstruction > 0}
    return ('generator', 'critic', *(name for name, held in optional.items() if held))
