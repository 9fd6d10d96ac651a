"""Saved networks are opened by Keras alone, in a process that does not know this package."""

import subprocess
import sys

import numpy as np
import pytest

from astro_wgan import WGAN, datasets
from astro_wgan.testing import make_stamps

SCRIPT = """
import sys
from pathlib import Path

import keras
import numpy as np

arrays = {}
for path in sorted(Path(sys.argv[1]).rglob('*.keras')):
    network = keras.saving.load_model(path)
    rng = np.random.default_rng(1)
    inputs = [rng.normal(size=(2, *each.shape[1:])).astype('float32') for each in network.inputs]
    outputs = network(inputs[0] if len(inputs) == 1 else inputs)
    for k, output in enumerate(outputs if isinstance(outputs, list) else [outputs]):
        arrays[f'{path.parent.name}_{path.stem}_{k}'] = keras.ops.convert_to_numpy(output)
assert not [name for name in sys.modules if name.startswith('astro_wgan')]
np.savez(sys.argv[2], **arrays)
"""


@pytest.fixture(scope='module')
def folders(tmp_path_factory):
    """A detector with all networks, and a model of two bands."""
    folder = tmp_path_factory.mktemp('models')
    datasets.load_model('simulated_f160w').save(folder / 'detector')
    stamps = make_stamps(40, shape=(16, 16), bands=2)
    wgan = WGAN.preset('compact', size=16, bands=2).fit(stamps, iterations=1, progress=False)
    wgan.save(folder / 'model')
    return folder


@pytest.fixture(scope='module')
def found(folders):
    """Outputs of all networks of both, by the names of folder, network and output."""
    path = folders / 'outputs.npz'
    # Away from the package, which would be found in the present folder.
    command = [sys.executable, '-P', '-c', SCRIPT, str(folders), str(path)]
    subprocess.run(command, check=True, cwd=folders)
    with np.load(path) as arrays:
        return {key: arrays[key] for key in arrays.files}


@pytest.mark.parametrize(
    ('name', 'networks'),
    [
        ('model', {'generator', 'critic', 'encoder', 'noise'}),
        ('detector', {'generator', 'critic', 'encoder', 'noise', 'classifier', 'components'}),
    ],
)
def test_networks_give_the_same_in_plain_keras(name, networks, folders, found):
    assert {key.split('_')[1] for key in found if key.startswith(name)} == networks
    loaded = WGAN.load(folders / name)
    for network in ('generator', 'critic', 'encoder'):
        own = getattr(loaded, f'{network}_')
        shape = (2, *own.inputs[0].shape[1:])
        images = np.random.default_rng(1).normal(size=shape).astype(np.float32)
        outputs = own(images)
        for k, output in enumerate(outputs if isinstance(outputs, list) else [outputs]):
            np.testing.assert_allclose(
                found[f'{name}_{network}_{k}'], np.asarray(output), rtol=1e-4, atol=1e-5
            )
