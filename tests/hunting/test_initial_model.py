"""Which model a hunt starts from, and that its training does."""

from dataclasses import replace

import numpy as np
import pytest
from astropy import units as u

from astro_wgan import WGAN, AnomalyDetector, HuntConfig, StampSet, datasets, hunt
from astro_wgan.exceptions import HuntFolderError
from astro_wgan.hunting import pipeline
from astro_wgan.hunting.initial_model import check_initial_model, find_initial_model, model_folder
from astro_wgan.wgan import NetworkConfig

COMPACT = NetworkConfig.preset('compact', size=64, bands=1)


@pytest.fixture(scope='module')
def shipped():
    return datasets.load_model()


@pytest.fixture(scope='module')
def small():
    """A model for 16 pixels."""
    pixels = np.random.default_rng(1).normal(size=(32, 16, 16))
    return WGAN.preset('compact', size=16).fit(StampSet(pixels), iterations=1, progress=False)


@pytest.mark.parametrize('bands', [1, 3, 9])
def test_the_model_of_the_package_is_taken_for_any_number_of_bands(bands):
    start = find_initial_model('auto', replace(COMPACT, bands=bands))
    assert start.name == 'simulated_f160w'
    assert start.wgan.network == COMPACT


@pytest.mark.parametrize(
    ('network', 'difference'),
    [
        (NetworkConfig.preset('compact', size=32, bands=1), 'its size is 64 instead of 32'),
        (
            NetworkConfig.preset('paper', size=64, bands=1),
            'its latent_dim is 16 instead of 100 and',
        ),
    ],
)
def test_other_networks_start_from_random_weights(network, difference):
    start = find_initial_model('auto', network)
    assert start.wgan is None
    assert start.name == 'random weights'
    assert start.reason.startswith(f'simulated_f160w does not fit: {difference}')
    with pytest.raises(ValueError, match=rf'\(simulated_f160w\) must have .*; {difference}'):
        find_initial_model('simulated_f160w', network)


@pytest.mark.parametrize(
    ('angle', 'is_taken'),
    [(0.014, False), (0.03, True), (0.06, True), (0.396, True), (0.49, False), (None, True)],
)
def test_the_model_of_the_package_is_for_pixels_like_its_own(angle, is_taken):
    """It was trained on pixels of 0.06 arcsec."""
    scale = None if angle is None else angle * u.arcsec / u.pix
    start = find_initial_model('auto', replace(COMPACT, bands=3), pixel_scale=scale)
    assert start.name == ('simulated_f160w' if is_taken else 'random weights')
    assert '0.06 arcsec' in start.reason
    assert ('unknown here' if angle is None else f'{angle:g} arcsec') in start.reason
    assert ('1 band, 3 here' in start.reason) == is_taken
    # Who names it gets it.
    named = find_initial_model('simulated_f160w', COMPACT, pixel_scale=scale)
    assert named.wgan is not None


def test_who_wants_random_weights_gets_them():
    start = find_initial_model(None, COMPACT)
    assert start.wgan is None
    assert start.describe() == {}


def test_models_are_given_by_name_folder_and_object(shipped, small, tmp_path):
    small.save(tmp_path / 'model')
    network = small.network
    for given in (small, AnomalyDetector(small), tmp_path, tmp_path / 'model'):
        start = find_initial_model(given, network)
        assert start.wgan.network == network
        assert start.describe() == find_initial_model(small, network).describe()
    named = find_initial_model('simulated_f160w', COMPACT)
    assert named.describe() == find_initial_model(shipped, COMPACT).describe() != start.describe()


@pytest.mark.parametrize('given', [5, 'nothing', [1]])
def test_what_is_no_model_is_refused(given):
    with pytest.raises(ValueError, match='`initial_model` must be'):
        check_initial_model(given, None)


def test_a_model_that_is_not_trained_has_no_initial_one(shipped):
    with pytest.raises(ValueError, match='not both'):
        check_initial_model('simulated_f160w', shipped)
    check_initial_model('auto', shipped)
    check_initial_model(None, shipped)


def squares(n=45):
    """An image with squares in a row, and their centers."""
    pixels = np.random.default_rng(2).normal(size=(64, 64 * n)).astype(np.float32)
    x = 64 * np.arange(n) + 31.5
    for center in x.astype(int):
        pixels[28:36, center - 4 : center + 4] += 50
    return pixels, np.stack([x, np.full(n, 31.5)], axis=1)


def test_a_hunt_starts_from_the_model_and_says_so(monkeypatch, tmp_path, capsys, shipped):
    """The weights of the training are those of the model, by default for 300 iterations."""
    calls = []

    def fit(wgan, stamps, **options):
        calls.append({**options, 'stretch': wgan.stretch})
        raise KeyboardInterrupt

    monkeypatch.setattr(WGAN, 'fit', fit)
    image, positions = squares()
    options = {'positions': positions, 'config': HuntConfig()}
    with pytest.raises(KeyboardInterrupt):
        hunt(image, output=tmp_path / 'a', **options)
    assert calls[0]['iterations'] == 300
    assert (calls[0]['stretch'].kind, calls[0]['stretch'].per_band) == ('asinh', False)
    given, expected = calls[0]['initial_model'], shipped.wgan
    for a, b in zip(given.generator_.weights, expected.generator_.weights, strict=True):
        np.testing.assert_array_equal(a, b)
    told = capsys.readouterr().err
    assert 'simulated_f160w: pixels of 0.06 arcsec, unknown here' in told
    assert 'initial model 100%  simulated_f160w' in told
    # Another start is another hunt.
    with pytest.raises(HuntFolderError, match='belongs to another initial model: its generator'):
        hunt(image, output=tmp_path / 'a', initial_model=None, progress=False, **options)
    with pytest.raises(KeyboardInterrupt):
        hunt(image, output=tmp_path / 'b', initial_model=None, progress=False, **options)
    assert calls[1]['iterations'] == 600
    assert calls[1]['initial_model'] is None


def test_bands_are_scaled_each_by_its_own_noise(monkeypatch, tmp_path):
    stretches = []

    def fit(wgan, stamps, **options):
        stretches.append(wgan.stretch)
        raise KeyboardInterrupt

    monkeypatch.setattr(WGAN, 'fit', fit)
    image, positions = squares()
    with pytest.raises(KeyboardInterrupt):
        hunt({'g': image, 'r': 1e-12 * image}, output=tmp_path, positions=positions, progress=False)
    assert stretches[0].per_band


def test_a_start_that_does_not_fit_is_refused_before_anything_is_written(tmp_path, monkeypatch):
    monkeypatch.setattr(pipeline, 'train_networks', lambda *a: pytest.fail('training started'))
    image, positions = squares()
    with pytest.raises(ValueError, match='must have the networks that are to be trained'):
        hunt(
            image,
            output=tmp_path / 'out',
            positions=positions,
            config=HuntConfig(size=32),
            initial_model='simulated_f160w',
            progress=False,
        )
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    ('given', 'expected'), [('auto', 'linear'), ('asinh', 'asinh'), ('linear', 'linear')]
)
def test_pictures_are_taken_as_they_are_unless_a_stretch_is_chosen(
    monkeypatch, tmp_path, recwarn, given, expected
):
    kinds = []

    def fit(wgan, stamps, **options):
        kinds.append(wgan.stretch.kind)
        raise KeyboardInterrupt

    monkeypatch.setattr(WGAN, 'fit', fit)
    image, positions = squares()
    picture = np.clip(100 + 40 * np.arcsinh(image), 0, 255).astype(np.uint8)
    picture[0, ::64], picture[1, ::64] = 0, 255
    config = HuntConfig(stretch=given)
    with pytest.raises(KeyboardInterrupt):
        hunt(picture, output=tmp_path, positions=positions, config=config, progress=False)
    assert kinds == [expected]
    told = [str(w.message) for w in recwarn if 'stretched for display' in str(w.message)]
    assert len(told) == (given == 'auto')
    # In the words of a hunt, whose configuration has no `kind`.
    assert all('Give `stretch`' in text and 'kind' not in text for text in told)


def test_a_folder_of_a_model_is_taken_before_the_model_of_the_package(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    name = 'simulated_f160w'
    assert model_folder(name) == datasets.model_path(name)
    own = tmp_path / name / 'model'
    own.mkdir(parents=True)
    assert model_folder(name).resolve() == own
