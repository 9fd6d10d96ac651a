"""`KerasFile`: the weights in a Keras file, read without Keras."""

import io
import re
import zipfile

import numpy as np

from astro_wgan.exceptions import JSONError, KerasFileError, NetworkFileError, ZipError
from astro_wgan.files.json_text import parse_json
from astro_wgan.files.stored_zip import as_zip_errors, stored_members
from astro_wgan.wgan.serialization.keras_hdf5 import PlainHdf5

__all__ = ['KerasFile', 'verify_weights', 'load_weights']

_WEIGHTS, _CONFIGURATION = 'model.weights.h5', 'config.json'

_BYTES = 4


class KerasFile:
    """
    Description and weights of a network in a file.

    Parameters
    ----------
    content : bytes
        Content of a file with the extension ``.keras``, as `keras.Model.save` writes it.

    Raises
    ------
    NetworkFileError
        If it is not such a file.

    Notes
    -----
    `keras.models.load_model` builds any layers that a file describes, some of which execute code or
    read other files. Here the file is not passed to Keras.
    """

    def __init__(self, content):
        try:
            with as_zip_errors():
                self._archive = zipfile.ZipFile(io.BytesIO(content))
                self._members = stored_members(self._archive)
                self.weights = PlainHdf5(self._read(_WEIGHTS))
        except (KerasFileError, ZipError) as error:
            raise NetworkFileError(f'it is not a file of a network ({error})') from error
        self._size = self._members[_WEIGHTS].file_size

    @property
    def description(self):
        """Description of the layers, as a dictionary of plain values."""
        try:
            with as_zip_errors():
                return parse_json(self._read(_CONFIGURATION))
        except (JSONError, ZipError) as error:
            raise NetworkFileError(f'its {_CONFIGURATION} is damaged ({error})') from error

    def check_room(self, count):
        """
        Raise an error if a network has more weights than the file, before it is built.

        Parameters
        ----------
        count : int
            Number of weights of the network.
        """
        if _BYTES * count > self._size:
            raise NetworkFileError(
                f'a network of {count} weights is described, but its file has at most '
                f'{self._size // _BYTES}'
            )

    def _read(self, name):
        if name not in self._members:
            raise ZipError(f'it has no {name}')
        return self._archive.read(self._members[name])


def load_weights(network, file):
    """
    Load the weights of a file into a network.

    Parameters
    ----------
    network : `keras.Model`
        Network without nested layers; changed in place.
    file : `KerasFile`
        File of a network with the same layers.

    Raises
    ------
    NetworkFileError
        If weights of a layer are missing, have another shape, or are not finite; the network is
        then unchanged.
    """
    network.set_weights([values for _, values in _stored_weights(network, file)])


def verify_weights(network, file):
    """
    Check that the weights of a network are those in a file.

    Parameters
    ----------
    network : `keras.Model`
    file : `KerasFile`

    Raises
    ------
    NetworkFileError
        If they differ.
    """
    for variable, values in _stored_weights(network, file):
        if not np.array_equal(variable, values):
            raise NetworkFileError(f'the weights {variable.path} were not written correctly')


def _stored_weights(network, file):
    """Pairs of each variable of a network and its values in a file."""
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
        raise NetworkFileError(f'its weights {path} are missing') from error
    except KerasFileError as error:
        raise NetworkFileError(f'its weights are damaged: {error}') from error
    if values.shape != shape:
        raise NetworkFileError(f'its weights {path} have the shape {values.shape}, not {shape}')
    if not np.isfinite(values).all():
        raise NetworkFileError(f'its weights {path} are not finite')
    return values


def _check_last(file, path, count):
    """Refuse layers with additional weights, which another configuration of the layer has."""
    try:
        found = file.weights.names(f'{path}/vars')
    except (KerasFileError, KeyError):
        found = ()
    if len(found) > count:
        raise NetworkFileError(f'it has {len(found)} weights of {path}, not {count}')


def _paths(network):
    """Paths of the layers in the file: by class, in the order of the network."""
    counts = {}
    for layer in network.layers:
        name = _in_snake_case(type(layer).__name__)
        number = counts[name] = counts.get(name, -1) + 1
        yield f'layers/{name}_{number}' if number else f'layers/{name}'


def _in_snake_case(name):
    name = re.sub('(.)([A-Z][a-z]+)', r'\1_\2', name)
    return re.sub('([a-z])([A-Z])', r'\1_\2', name).lower()
