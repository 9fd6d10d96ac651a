import numpy as np
import pytest
from PIL import Image

from benchmarks.detectors.labeled_stamps import half_of, measure_confounds, read_labeled

SIZE = 24


def galaxy(flux=1000.0, width=3.0):
    y, x = np.mgrid[:SIZE, :SIZE] - (SIZE - 1) / 2
    return 10 + flux / (2 * np.pi * width**2) * np.exp(-(x**2 + y**2) / (2 * width**2))


@pytest.fixture
def arrays():
    labels = np.array(['normal', 'normal', 'normal', 'ring', 'ring'])
    split = np.array(['train', 'calibrate', 'test', 'test', 'train'])
    return {'images': np.stack([galaxy()] * 5), 'labels': labels, 'split': split}


def test_reads_an_npz_file_without_anomalies_to_learn_from(tmp_path, arrays):
    np.savez(tmp_path / 'galaxies.npz', **arrays)
    found = read_labeled(tmp_path / 'galaxies.npz')
    assert found.name == 'galaxies'
    assert found.split.tolist() == ['train', 'calibrate', 'test', 'test']
    assert found.anomalies == ['ring']
    assert found.rows('test', normal=True).tolist() == [2]


def test_reads_a_folder(tmp_path):
    for name in ('train/normal/a', 'calibrate/normal/b', 'test/normal/c', 'test/ring/d'):
        path = tmp_path / f'{name}.png'
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(galaxy(500).astype(np.uint8)).save(path)
    found = read_labeled(tmp_path)
    assert sorted(found.labels) == ['normal', 'normal', 'normal', 'ring']
    assert found.stamps.pixels.shape == (4, SIZE, SIZE)


def test_a_mean_of_bands_unless_color(tmp_path, arrays):
    bands = np.stack([arrays['images'], 3 * arrays['images']], axis=-1)
    np.savez(tmp_path / 'a.npz', **{**arrays, 'images': bands})
    assert read_labeled(tmp_path / 'a.npz').stamps.pixels.max() == pytest.approx(
        2 * bands.max() / 3
    )
    assert read_labeled(tmp_path / 'a.npz', color=True).stamps.pixels.shape[3] == 2


@pytest.mark.parametrize(
    ('split', 'message'),
    [
        (['test', 'calibrate', 'test', 'test', 'test'], "normals in each of .* 'train' has none"),
        (['train', 'calibrate', 'test', 'train', 'train'], 'not normal; it has none'),
    ],
)
def test_incomplete_sets_are_refused(tmp_path, arrays, split, message):
    np.savez(tmp_path / 'a.npz', **{**arrays, 'split': np.array(split)})
    with pytest.raises(ValueError, match=message):
        read_labeled(tmp_path / 'a.npz')


def test_halves_are_even_and_always_the_same():
    halves = half_of(range(1000))
    assert 450 < (halves == 'choice').sum() < 550
    assert halves[:10].tolist() == half_of(range(10)).tolist()


def test_confounds_of_a_gaussian():
    from astro_wgan import StampSet

    found = measure_confounds(StampSet(np.stack([galaxy(), galaxy(2000, 2.0)])))
    # The half-light radius of a Gaussian is sqrt(2 ln 2) of its width.
    assert found['size'] == pytest.approx(np.array([3, 2]) * 1.1774, abs=0.4)
    assert found['brightness'] == pytest.approx([1000, 2000], rel=0.02)
