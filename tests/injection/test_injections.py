import numpy as np
import pytest
from scipy.ndimage import rotate

from astro_wgan import StampSet
from astro_wgan.injection import InjectionConfig, inject_anomalies
from astro_wgan.injection.host_galaxies import HostGalaxies
from astro_wgan.injection.injection_config import KINDS
from astro_wgan.stamps.orientations import oriented

SIZE, NOISE, SKY = 48, 1.0, 20.0


@pytest.fixture(scope='module')
def galaxies():
    """Round galaxies of three brightnesses in two bands, without noise."""
    y, x = np.mgrid[:SIZE, :SIZE] - (SIZE - 1) / 2
    profile = np.exp(-np.hypot(y, x) / 4)
    light = np.array([100.0, 200.0, 400.0])[:, None, None, None] * profile[..., None]
    return SKY + light * np.array([1.0, 0.5])


@pytest.fixture(scope='module')
def stamps(galaxies):
    noise = NOISE * np.random.default_rng(1).normal(size=galaxies.shape)
    return StampSet((galaxies + noise).astype(np.float32))


@pytest.mark.parametrize('kind', KINDS)
def test_each_kind_changes_light_and_leaves_the_noise(galaxies, stamps, kind):
    strange = inject_anomalies(
        stamps, StampSet(galaxies), config=InjectionConfig((kind,), max_count=1), seed=2
    )
    change = strange.pixels - stamps.pixels
    assert strange.table['injected'].tolist() == [kind] * 3
    assert np.abs(change).max(axis=(1, 2, 3)).min() > NOISE
    # What is added is smooth: its second differences are small beside those of the noise.
    rough = np.abs(np.diff(change, 2, axis=1))
    assert np.median(rough) < 0.2 * NOISE
    expected = np.abs(change).sum(axis=(1, 2, 3)) / (galaxies - SKY).sum(axis=(1, 2, 3))
    assert strange.table['injected_flux'] == pytest.approx(expected, rel=0.06)


def test_a_stamp_gets_the_same_whatever_stands_beside_it(galaxies, stamps):
    whole = inject_anomalies(stamps, StampSet(galaxies), seed=3)
    again = inject_anomalies(stamps, StampSet(galaxies), seed=3)
    other = inject_anomalies(stamps, StampSet(galaxies), seed=4)
    assert np.array_equal(whole.pixels, again.pixels)
    assert not np.array_equal(whole.pixels, other.pixels)


def test_a_ring_is_around_the_center_and_has_the_colors_of_its_galaxy(galaxies, stamps):
    config = InjectionConfig(('ring',), max_count=1)
    strange = inject_anomalies(stamps, StampSet(galaxies), config=config)
    change = (strange.pixels - stamps.pixels).astype(float)
    turned = np.stack([rotate(band, 180, reshape=False) for band in change[0].transpose(2, 0, 1)])
    assert turned.transpose(1, 2, 0) == pytest.approx(change[0], abs=0.1)
    ratio = change[..., 1].sum(axis=(1, 2)) / change[..., 0].sum(axis=(1, 2))
    assert np.all((ratio > 0.15) & (ratio < 1.5))


def test_a_distortion_conserves_the_sky_and_most_of_the_flux(galaxies, stamps):
    config = InjectionConfig(('distortion',), max_count=1)
    strange = inject_anomalies(stamps, StampSet(galaxies), config=config)
    change = strange.pixels - stamps.pixels
    assert np.abs(change[:, :3, :3]).max() < 0.5
    light = (galaxies - SKY).sum(axis=(1, 2, 3))
    assert np.abs(change.sum(axis=(1, 2, 3)) / light).max() < 0.5


def test_clipped_stamps_stay_clipped(galaxies):
    clipped = StampSet(np.minimum(galaxies, 120.0))
    strange = inject_anomalies(clipped, StampSet(galaxies), seed=1)
    assert strange.pixels.max() == pytest.approx(120.0)


def test_masks_stay_and_what_is_masked_has_no_influence(galaxies, stamps):
    mask = np.zeros(stamps.pixels.shape, bool)
    mask[:, 10:20, 10:20] = True
    pixels = np.where(mask, np.nan, stamps.pixels)
    whole = inject_anomalies(stamps.replace(mask=mask), StampSet(galaxies), seed=5)
    holed = inject_anomalies(StampSet(pixels), StampSet(galaxies), seed=5)
    assert np.array_equal(holed.valid, ~mask)
    assert holed.pixels[~mask] == pytest.approx(whole.pixels[~mask])


def test_one_band(galaxies, stamps):
    strange = inject_anomalies(StampSet(stamps.pixels[..., 0]), StampSet(galaxies[..., 0]))
    assert strange.pixels.shape == (3, SIZE, SIZE)


def test_no_stamps(galaxies, stamps):
    strange = inject_anomalies(stamps[:0], StampSet(galaxies[:0]))
    assert len(strange) == 0
    assert 'injected' in strange.table.colnames


def test_closest_images_of_others_are_refused(galaxies, stamps):
    with pytest.raises(ValueError, match='`closest_images` must have the shape of the stamps'):
        inject_anomalies(stamps, StampSet(galaxies[:2]))


@pytest.mark.parametrize(
    ('values', 'message'),
    [
        ({'kinds': ('rings',)}, '`kinds` must be some of'),
        ({'kinds': ()}, '`kinds` must be some of'),
        ({'max_count': 0}, '`max_count` must be a whole number, at least 1; got 0'),
        ({'faintest': 0.0}, '`faintest` must be above 0'),
        ({'companion_flux_ratio': (2.0, 1.0)}, 'two numbers above 0, the lower first'),
        ({'point_sources': 1.5}, '`point_sources` must lie between 0 and 1'),
    ],
)
def test_configurations_out_of_range_are_refused(values, message):
    with pytest.raises(ValueError, match=message):
        InjectionConfig(**values)


def test_hosts_without_noise_take_that_of_the_others(galaxies, stamps):
    pixels = stamps.pixels.astype(float)
    pixels[1] = np.nan
    hosts = HostGalaxies.from_images(pixels, galaxies)
    assert hosts.noise == pytest.approx(np.full((3, 2), NOISE), rel=0.1)
    assert hosts.peak[:, 0] == pytest.approx(galaxies[..., 0].max(axis=(1, 2)) - SKY, rel=0.06)


def test_eight_orientations_differ():
    image = np.arange(6.0).reshape(3, 2, 1)[:2] + np.array([0.0, 10.0])
    found = {oriented(image[..., :1], k).tobytes() for k in range(8)}
    assert len(found) == 8
