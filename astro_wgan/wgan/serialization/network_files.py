"""Weights of networks from Keras files, of which nothing else is used to build them."""

import io
import re
import zipfile

import numpy as np

from astro_wgan.exceptions import JSONError, KerasFileError, NetworkFileError, ZipError
from astro_wgan.files.json_text import parse_json
from astro_wgan.files.stored_zip import as_zip_errors, stored_members
from astro_wgan.wgan.serialization.keras_hdf5 import PlainHdf5

__all__ = ['KerasFile', 'check_stored', 'take_stored_weights']

_WEIGHTS, _CONFIGURATION = 'model.weights.h5', 'config.json'

_BYTES = 4


class KerasFile:
    """
    What a file of a network holds: its description, and its weights.

    Parameters
    ----------
    content : bytes
        Of the file, as `keras.Model.save` writes it with the ending ``.keras``.

    Raises
    ------
    NetworkFileError
        If it is no such file.

    Notes
    -----
    `keras.models.load_model` would build whatever layers the file names, and some of these run
    code or read other files. Here Keras does not see the file.
    """

    def __init__(self, content):
        try:
            with as_zip_errors():
                self._archive = zipfile.ZipFile(io.BytesIO(content))
                self._members = stored_members(self._archive)
                self.weights = PlainHdf5(self._read(_WEIGHTS))
        except (KerasFileError, ZipError) as error:
            raise NetworkFileError(f'it is no file of a network ({error})') from error
        self._size = self._members[_WEIGHTS].file_size

    @property
    def description(self):
        """What it says of the layers, as a dictionary of plain values."""
        try:
            with as_zip_errors():
                return parse_json(self._read(_CONFIGURATION))
        except (JSONError, ZipError) as error:
            raise NetworkFileError(f'its {_CONFIGURATION} is damaged ({error})') from error

    def check_room(self, count):
        """
        Refuse a network of more weights than there are in the file, before it is built.

        Parameters
        ----------
        count : int
            Weights of the network.
        """
        if _BYTES * count > self._size:
            raise NetworkFileError(
                f'a network of {count} weights is described, and there is room for '
                f'{self._size // _BYTES} in its file'
            )

    def _read(self, name):
        if name not in self._members:
            raise ZipError(f'it has no {name}')
        return self._archive.read(self._members[name])


def take_stored_weights(network, file):
    """
    Give a network the weights of a file.

    Parameters
    ----------
    network : `keras.Model`
        Of one-level layers; it is changed in place.
    file : `KerasFile`
        Of a network of the same layers.

    Raises
    ------
    NetworkFileError
        If the file lacks weights of a layer, has others, or if some are not finite; the network is
        then as it was.
    """
    network.set_weights([values for _, values in _stored_weights(network, file)])


def check_stored(network, file):
    """
    See that the weights of a network are those of a file.

    Parameters
    ----------
    network : `keras.Model`
    file : `KerasFile`

    Raises
    ------
    NetworkFileError
        If they are not.
    """
    for variable, values in _stored_weights(network, file):
        if not np.array_equal(variable, values):
            raise NetworkFileError(f'the weights {variable.path} have not been written')


def _stored_weights(network, file):
    """Each variable of a network with its values in a file."""
    stored = []
    for path, layer in zip(_paths(network), network.layers, strict=True):
        for k, variable in enumerate(layer.weights):
            stored.append((variable, _stored(file, f'{path}/vars/{k}', tuple(variable.shape))))
        _check_last(file, path, len(layer.weights))
    return stored


def _stored(file, path, shape):
    try:
        values = file.weights.array(path)
    except KeyError as error:
        raise NetworkFileError(f'it lacks the weights {path}') from error
    except KerasFileError as error:
        raise NetworkFileError(f'its weights are damaged: {error}') from error
    if values.shape != shape:
        raise NetworkFileError(
            f'the weights {path} in it have the shape {values.shape}, and not {shape}'
        )
    if not np.isfinite(values).all():
        raise NetworkFileError(f'the weights {path} in it are not finite')
    return values


def _check_last(file, path, count):
    """Another layer of the same kind may have more weights, of which the first would fit."""
    try:
        found = file.weights.names(f'{path}/vars')
    except (KerasFileError, KeyError):
        found = ()
    if len(found) > count:
        raise NetworkFileError(f'it has {len(found)} weights of {path}, and not {count}')


def _paths(network):
    """Where Keras puts the layers: by class, in the order of the network."""
    counts = {}
    for layer in network.layers:
        name = _in_snake_case(type(layer).__name__)
        number = counts[name] = counts.get(name, -1) + 1
        yield f'layers/{name}_{number}' if number else f'layers/{name}'


def _in_snake_case(name):
    name = re.sub('(.)([A-Z][a-z]+)', r'\1_\2', name)
    return re.sub('([a-z])([A-Z])', r'\1_\2', name).lower()
