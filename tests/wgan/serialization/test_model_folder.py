import hashlib
import io
import json
import os
import shutil
import zipfile

import h5py
import numpy as np
import pytest
from astropy import units as u
from astropy.table import QTable

from astro_wgan import WGAN, datasets
from astro_wgan.files.former_names import FORMER_NAMES
from astro_wgan.stamps import Stretch
from astro_wgan.wgan import NetworkConfig, TrainingConfig
from astro_wgan.wgan.networks import build_critic, build_encoder, build_generator, count_weights
from astro_wgan.wgan.noise_layer import build_white_noise

NETWORK = NetworkConfig(
    size=16,
    latent_dim=4,
    generator_filters=(4, 4, 4),
    critic_filters=(4, 4, 4),
    critic_dense=8,
    noise=True,
)


def model(seed, **changes):
    """Without a training, which is not what is asked here."""
    wgan = WGAN(NETWORK, TrainingConfig(reconstruction_weight=0.1))
    wgan.stretch_ = Stretch(sky=0.1, noise_rms=1.0, peak=50.0, unit='nJy')
    wgan.generator_ = build_generator(NETWORK, seed=seed)
    wgan.critic_ = build_critic(NETWORK, seed=seed + 1)
    wgan.encoder_ = build_encoder(NETWORK, seed=seed + 2)
    wgan.noise_ = build_white_noise(NETWORK, wgan.stretch_)
    wgan.history_ = QTable({'iteration': [seed], 'time': [1.5] * u.s})
    wgan.unit_, wgan.pixel_scale_ = u.nJy, 0.06 * u.arcsec / u.pix
    wgan.provenance_ = {'seed': seed}
    for name, value in changes.items():
        setattr(wgan, name, value)
    return wgan


@pytest.fixture(scope='module')
def saved(tmp_path_factory):
    folder = tmp_path_factory.mktemp('saved') / 'model'
    model(1).save(folder)
    return folder


@pytest.fixture
def folder(saved, tmp_path):
    """A copy of the model, to be damaged."""
    return shutil.copytree(saved, tmp_path / 'model')


def forge(folder, name, content):
    """Put another content in the place of a file, with the checksum that belongs to it."""
    (folder / name).write_bytes(content)
    path = folder / 'manifest.json'
    values = json.loads(path.read_text())
    del values['sha256']
    sha256 = hashlib.sha256(content).hexdigest()
    values['files'][name] = {'bytes': len(content), 'sha256': sha256}
    values['sha256'] = hashlib.sha256(json.dumps(values, sort_keys=True).encode()).hexdigest()
    path.write_text(json.dumps(values, indent=2) + '\n')


def describe(folder, **changes):
    values = json.loads((folder / 'model.json').read_text())
    for name, change in changes.items():
        values[name] = {**values[name], **change} if isinstance(change, dict) else change
    forge(folder, 'model.json', json.dumps(values).encode())


def test_a_model_comes_back(saved):
    wgan, again = model(1), WGAN.load(saved)
    assert (again.network, again.training, again.stretch_) == (
        wgan.network,
        wgan.training,
        wgan.stretch_,
    )
    assert (again.unit_, again.pixel_scale_, again.provenance_) == (
        wgan.unit_,
        wgan.pixel_scale_,
        wgan.provenance_,
    )
    latent = np.ones((2, 4), np.float32)
    images = again.images_from_latent(latent)
    np.testing.assert_array_equal(images, wgan.images_from_latent(latent))
    np.testing.assert_array_equal(again.encoder_(images), wgan.encoder_(images))
    np.testing.assert_array_equal(again.generate(2).pixels, wgan.generate(2).pixels)


def test_every_flipped_bit_is_noticed(folder):
    rng = np.random.default_rng(1)
    for path in sorted(folder.iterdir()):
        whole = path.read_bytes()
        for bit in rng.integers(8 * len(whole), size=8):
            flipped = bytearray(whole)
            flipped[bit // 8] ^= 1 << bit % 8
            path.write_bytes(flipped)
            with pytest.raises(ValueError, match=f'damaged .*its file {path.name}'):
                WGAN.load(folder)
        path.write_bytes(whole)
    WGAN.load(folder)


@pytest.mark.parametrize('name', ['generator.keras', 'model.json', 'history.ecsv'])
def test_files_of_two_models_are_refused(folder, tmp_path, name):
    model(5).save(tmp_path / 'other')
    shutil.copy(tmp_path / 'other' / name, folder)
    with pytest.raises(ValueError, match=rf'its file {name} is not the one that was saved with'):
        WGAN.load(folder)


def test_a_model_without_its_manifest_is_refused(folder):
    (folder / 'manifest.json').unlink()
    with pytest.raises(ValueError, match=r'its file manifest\.json is missing'):
        WGAN.load(folder)


def test_models_of_the_former_version_have_no_manifest(folder):
    describe(folder, format='astro_wgan model 1')
    (folder / 'manifest.json').unlink()
    assert WGAN.load(folder).provenance_ == {'seed': 1}


def test_models_with_the_names_of_format_2_are_read(folder):
    values = json.loads((folder / 'model.json').read_text())
    for part in ('network', 'training'):
        former = {new: old for old, new in FORMER_NAMES[part].items()}
        assert former.keys() <= values[part].keys()
        values[part] = {former.get(name, name): value for name, value in values[part].items()}
    values['format'] = 'astro_wgan model 2'
    forge(folder, 'model.json', json.dumps(values).encode())
    history = b'iteration seconds critic_gradient wasserstein distance_flux\n25 1.5 0.1 3 nan\n'
    forge(folder, 'history.ecsv', history)
    again, wgan = WGAN.load(folder), model(1)
    assert (again.network, again.training) == (wgan.network, wgan.training)
    assert again.history_.colnames == [
        'iteration',
        'time',
        'critic_gradient_norm',
        'wasserstein_distance',
        'wasserstein_flux',
    ]


def test_the_model_that_comes_with_the_package_is_read():
    wgan = WGAN.load(datasets.model_path('simulated_f160w'))
    assert (wgan.network.latent_dim, wgan.network.kernel_size) == (16, 4)
    training = wgan.training
    assert (training.reconstruction_weight, training.ema_decay) == (0.05, 0.995)
    assert {'time', 'wasserstein_distance', 'kl_divergence'} < set(wgan.history_.colnames)


def networks(wgan):
    return wgan.generator_, wgan.critic_, wgan.encoder_, wgan.noise_


def test_a_model_saved_over_another_takes_its_place(folder):
    (folder / 'notes.txt').write_text('mine')
    model(5).save(folder)
    assert WGAN.load(folder).provenance_ == {'seed': 5}
    assert (folder / 'notes.txt').read_text() == 'mine'
    assert not [name for name in os.listdir(folder) if name.startswith('.')]


class Killed(BaseException):
    pass


@pytest.mark.parametrize(('steps', 'seed'), [(0, 1), (1, 5), (4, 5)])
def test_a_killed_save_leaves_one_model_or_the_other(folder, monkeypatch, steps, seed):
    left, replace = [steps], os.replace

    def replaced(*paths):
        if os.path.exists(paths[0]):
            if not left[0]:
                raise Killed
            left[0] -= 1
        replace(*paths)

    with monkeypatch.context() as patch:
        patch.setattr(os, 'replace', replaced)
        # What a killed process would not have removed.
        patch.setattr('pathlib.Path.unlink', lambda path, missing_ok=False: None)
        with pytest.raises(Killed):
            model(5).save(folder)
    again, expected = WGAN.load(folder), model(seed)
    assert again.provenance_ == {'seed': seed}
    for network, other in zip(networks(again), networks(expected), strict=True):
        for one, another in zip(network.get_weights(), other.get_weights(), strict=True):
            np.testing.assert_array_equal(one, another)


@pytest.mark.parametrize('name', ['generator', 'critic', 'encoder', 'noise'])
@pytest.mark.parametrize('value', [np.nan, np.inf])
def test_weights_that_are_not_finite_are_neither_saved_nor_loaded(folder, name, value):
    wgan = model(1)
    weights = getattr(wgan, f'{name}_').get_weights()
    weights[-1].flat[0] = value
    getattr(wgan, f'{name}_').set_weights(weights)
    with pytest.raises(ValueError, match=f'weights of its {name} are not finite'):
        wgan.save(folder)
    assert WGAN.load(folder).provenance_ == {'seed': 1}
    path = folder / 'one.keras'
    getattr(wgan, f'{name}_').save(path)
    forge(folder, f'{name}.keras', path.read_bytes())
    with pytest.raises(ValueError, match=rf'its file {name}\.keras: its weights .* not finite'):
        WGAN.load(folder)


def test_networks_of_another_configuration_are_neither_saved_nor_loaded(folder):
    other = NetworkConfig(**{**vars(NETWORK), 'generator_filters': (4, 4, 5)})
    wgan = model(1, generator_=build_generator(other))
    with pytest.raises(
        ValueError, match=r'its generator has .* weights, but according to its `network`'
    ):
        wgan.save(folder)
    wgan.generator_.save(folder / 'other.keras')
    forge(folder, 'generator.keras', (folder / 'other.keras').read_bytes())
    with pytest.raises(ValueError, match=r'have the shape \(4, 4, 5, 4\), not \(4, 4, 4'):
        WGAN.load(folder)


@pytest.mark.parametrize(
    ('changes', 'message'),
    [
        (
            {'network': {'latent_dim': 10**9}},
            r'a network of 64000\d* weights is described, but',
        ),
        (
            {'network': {'generator_filters': [10**8] * 3}},
            'weights is described, but its file has',
        ),
        ({'network': {'critic_dense': 10**30}}, '`NetworkConfig.critic_dense` must be'),
        ({'network': {'critic_filters': [1] * 10**6}}, 'at most 100 numbers; got 1000000'),
        ({'network': {'critic_filters': [10**8] * 5}}, 'weights is described, but its file has'),
        ({'network': {'kernel_size': 10**6}}, 'weights is described, but its file has'),
        ({'network': {'size': 2**40}}, '`size` of the images must be'),
        ({'network': {'size': 16.0}}, '`NetworkConfig.size` must be'),
        ({'network': {'latent_dim': True}}, '`NetworkConfig.latent_dim` must be'),
        ({'network': {'negative_slope': float('nan')}}, '`NetworkConfig.negative_slope` must be'),
        ({'network': {'other': 1}}, 'has no parameter other'),
        ({'network': {'latent': 4}}, 'it has both `latent` and `latent_dim`'),
        (
            {'training': {'reconstruction_weight': 'much'}},
            '`TrainingConfig.reconstruction_weight` must be',
        ),
        ({'stretch': {'sky': [0.1] * 10**5}}, 'damaged'),
        ({'stretch': {'noise_rms': [float('inf')]}}, '`Stretch.noise_rms` must be'),
        ({'unit': '10**9999999 m'}, 'is not a unit'),
        ({'stretch': {'unit': '10**9999999 m'}}, 'is not a unit'),
        ({'pixel_scale_arcsec': float('nan')}, 'pixel scale is nan'),
        ({'pixel_scale_arcsec': [1]}, 'damaged'),
        ({'center': [8.0, 7.5]}, r'its center is \[8.0, 7.5\]'),
        ({'center': [8.25, 8.25]}, 'its center is'),
        ({'center': [80.0, 80.0]}, 'its center is'),
        ({'center': [8.0]}, 'its center is'),
        ({'center': 8.0}, 'damaged'),
        ({'center': [float('nan'), 8.0]}, 'damaged|its center'),
        ({'provenance': [1]}, 'provenance is'),
        ({'format': ['astro_wgan model 3']}, 'format'),
        ({'format': 'astro_wgan model 4'}, 'format'),
    ],
)
def test_descriptions_that_cannot_be_are_refused_before_a_network_is_built(
    folder, monkeypatch, changes, message
):
    def build(*arguments, **options):
        raise AssertionError('built')

    for name in ('build_generator', 'build_critic', 'build_encoder'):
        monkeypatch.setattr(f'astro_wgan.wgan.serialization.model_folder.{name}', build)
    describe(folder, **changes)
    with pytest.raises(ValueError, match=r'damaged') as caught:
        WGAN.load(folder)
    caught.match(message)


@pytest.mark.parametrize('name', ['model.json', 'history.ecsv', 'generator.keras'])
@pytest.mark.parametrize('content', [b'', b'[' * 100_000, b'null', b'\x00' * 1000])
def test_other_contents_are_refused(folder, name, content):
    forge(folder, name, content)
    with pytest.raises(ValueError, match=f'its file {name}'):
        WGAN.load(folder)


def keras_file(folder, compression=zipfile.ZIP_STORED, **members):
    """The generator with other members."""
    with zipfile.ZipFile(folder / 'generator.keras') as archive:
        contents = {name: archive.read(name) for name in archive.namelist()}
    contents |= {name.replace('_', '.'): content for name, content in members.items()}
    content = io.BytesIO()
    with zipfile.ZipFile(content, 'w', compression) as archive:
        for name, member in contents.items():
            archive.writestr(name, member)
    return content.getvalue()


def external(folder):
    content = io.BytesIO()
    with h5py.File(content, 'w') as file:
        file['layers'] = h5py.ExternalLink(str(folder / 'other.h5'), '/layers')
    return content.getvalue()


def test_bombs_and_links_in_a_network_are_refused(folder):
    forge(folder, 'generator.keras', keras_file(folder, zipfile.ZIP_DEFLATED))
    with pytest.raises(ValueError, match=r"'[a-z.0-9]*' in it is compressed"):
        WGAN.load(folder)
    shutil.copy(folder / 'critic.keras', folder / 'generator.keras')
    content = keras_file(folder, model_weights_h5=external(folder))
    forge(folder, 'generator.keras', content)
    with pytest.raises(ValueError, match=r'but its file has at most|group in it is missing'):
        WGAN.load(folder)


def test_a_full_disk_names_the_file_and_leaves_the_former_model(folder):
    resource = pytest.importorskip('resource')
    wgan, former = model(5), resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (20_000, former[1]))
    try:
        with pytest.raises(OSError, match=r'^The file .*\.keras cannot be written: File too large'):
            wgan.save(folder)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, former)
    assert WGAN.load(folder).provenance_ == {'seed': 1}
    assert not [name for name in os.listdir(folder) if name.startswith('.')]


def test_pipes_are_not_waited_for(folder):
    (folder / 'critic.keras').unlink()
    os.mkfifo(folder / 'critic.keras')
    with pytest.raises(ValueError, match=r'critic\.keras is a named pipe, not a file'):
        WGAN.load(folder)


def test_larger_files_than_allowed_are_not_read(folder):
    with pytest.raises(ValueError, match=r'\.json would take .* bytes of memory; allowed are 500'):
        WGAN.load(folder, max_size=500)
    assert WGAN.load(folder, max_size=1e6).is_fitted


def test_networks_have_as_many_weights_as_are_counted():
    for network in (
        NETWORK,
        NetworkConfig(),
        NetworkConfig(kernel_size=5, bands=3, critic_layer_normalization=True),
        NetworkConfig(
            size=32,
            generator_filters=(3, 5, 7, 9),
            critic_filters=(2, 3, 4, 5, 6),
            critic_layer_normalization=True,
            kernel_size=2,
        ),
    ):
        built = {
            'generator': build_generator(network),
            'critic': build_critic(network),
            'encoder': build_encoder(network),
        }
        assert count_weights(network) == {n: net.count_params() for n, net in built.items()}
