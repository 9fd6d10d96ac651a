"""Saturated stars: their cores, how far their halos reach, and their spikes."""

import numpy as np
import pytest

from astro_wgan import StampSet
from astro_wgan.detection import DetectionConfig
from astro_wgan.neighbors import NeighborConfig
from astro_wgan.neighbors.point_sources import PSFWidth, find_stars
from astro_wgan.neighbors.saturated_stars import bright_tops, find_saturated, saturation_level
from astro_wgan.neighbors.star_halos import halo_radius, moffat_radius, ring_medians

FWHM, BETA, LEVEL = 3.0, 2.0, 2000.0
EDGE = 240


def moffat(x0, y0, peak, beta=BETA):
    y, x = np.indices((EDGE, EDGE))
    return peak * (1 + ((x - x0) ** 2 + (y - y0) ** 2) / width(beta) ** 2) ** -beta


def width(beta):
    return FWHM / 2 / np.sqrt(2 ** (1 / beta) - 1)


def radius_of(peak, height, beta=BETA):
    """Where the profile has a height."""
    return width(beta) * np.sqrt((peak / height) ** (1 / beta) - 1)


def spikes(x0, y0, peak):
    """A cross of narrow lines that fall off as the distance."""
    y, x = np.indices((EDGE, EDGE))
    along, across = np.abs(x - x0), np.abs(y - y0)
    lines = [np.exp(-(v**2) / 2) * 30 / (1 + u) for u, v in ((along, across), (across, along))]
    return peak / 2000 * sum(lines)


def galaxy(x0, y0, height, scale=5.0):
    y, x = np.indices((EDGE, EDGE))
    return height * np.exp(-np.hypot(x - x0, y - y0) / scale)


def scene(peak=2e5, *, x=100.4, y=120.3, with_spikes=True, seed=1):
    image = moffat(x, y, peak) + with_spikes * spikes(x, y, peak)
    image = np.minimum(image, LEVEL) + galaxy(170, 150, 60) + galaxy(200, 60, 150)
    return (image + np.random.default_rng(seed).normal(size=image.shape)).astype('f4')


def found_in(image, **options):
    noise, bad = np.float32(1), options.pop('bad', None)
    saturated = options.pop('saturated', None)
    if saturated is None:
        saturated = image >= saturation_level([bright_tops(image, noise, bad, FWHM)])
    return find_saturated(image, noise, bad, FWHM, saturated)


@pytest.mark.parametrize('peak', [2e4, 1e5, 5e5])
def test_the_halo_grows_with_the_star(peak):
    stars = found_in(scene(peak, with_spikes=False))
    assert len(stars.x) == 1
    assert np.hypot(stars.x[0] - 100.4, stars.y[0] - 120.3) < 0.3
    assert stars.core[0] == pytest.approx(radius_of(peak, LEVEL), rel=0.1)
    # The profile in closed form.
    assert stars.radius[0] == pytest.approx(radius_of(peak, 0.5), rel=0.25)
    outside = stars.pixels.astype(bool)
    y, x = np.indices(outside.shape)
    outside &= np.hypot(x - 100.4, y - 120.3) > stars.radius[0]
    assert outside.sum() < 60


def test_spikes_are_found_on_both_sides_and_a_galaxy_is_none():
    image = scene() + galaxy(140, 155, 150).astype('f4')
    with_spikes = found_in(image)
    reach = int(with_spikes.radius[0])
    along = with_spikes.pixels[:, 100] > 0
    assert along[120 + reach : 120 + reach + 20].all()
    assert along[120 - reach - 20 : 120 - reach].all()
    # Diagonals have none, though a galaxy touches the halo on one side.
    y, x = np.indices(image.shape)
    diagonal = np.abs(np.abs(x - 100) - np.abs(y - 120)) < 20
    far = np.hypot(x - 100, y - 120) > reach + 2
    assert (with_spikes.pixels[diagonal & far] > 0).mean() < 0.02
    alone = scene(1.0, with_spikes=False) + galaxy(140, 155, 150).astype('f4')
    assert len(found_in(alone).x) == 0


@pytest.mark.parametrize('value', ['masked', 0, -40])
def test_a_core_that_is_masked_or_dark_is_saturated(value):
    image = scene()
    expected = found_in(image)
    hole = image > 0.7 * LEVEL
    bad = None
    if value == 'masked':
        bad = hole.copy()
        bad[60, 200] = bad[10:14, 10:14] = True
        image[bad] = 0
    else:
        image[hole] = value
    found = found_in(image, bad=bad)
    assert len(found.x) == 1
    assert np.hypot(found.x - expected.x, found.y - expected.y)[0] < 0.3
    assert found.radius[0] == pytest.approx(expected.radius[0], rel=0.2)


def test_all_that_is_as_bright_as_a_flat_top_is_saturated():
    image = scene() + moffat(40, 40, 2500).astype('f4')
    found = found_in(image)
    assert len(found.x) == 2
    assert len(found_in(image, saturated=image > 3000).x) == 0


@pytest.mark.parametrize(
    'source',
    [
        moffat(120, 120, 1e5),
        galaxy(120, 120, 1e5),
        moffat(118.6, 120, 1e5) + moffat(121.6, 120, 1e5),
        np.minimum(galaxy(120, 120, 4e3), 2e3),
    ],
    ids=['a star', 'a galaxy', 'two stars', 'a galaxy with a flat center'],
)
def test_what_is_not_saturated(source):
    image = (source + np.random.default_rng(2).normal(size=source.shape)).astype('f4')
    assert len(found_in(image).x) == 0


def test_a_flat_top_below_sharp_ones_is_not_saturated():
    image = scene(with_spikes=False) + moffat(40, 40, 9000).astype('f4')
    assert len(found_in(image).x) == 0
    assert len(found_in(image, saturated=image > 0.9 * LEVEL).x) == 2


def test_hot_pixels_are_no_stars_and_set_no_level():
    image = scene(with_spikes=False)
    expected = found_in(image)
    for y, x, width in ((30, 30, 3), (60, 180, 1), (200, 40, 4)):
        image[y : y + width, x : x + width] = 0.9 * LEVEL
    image[20, 20] = 1e6
    found = found_in(image)
    assert np.array_equal(found.x, expected.x)
    assert np.array_equal(found.pixels > 0, expected.pixels > 0)
    # A bright galaxy beside would be one at the level of hot pixels.
    image = scene(1.0) + galaxy(60, 60, 900).astype('f4')
    image[30:33, 30:33] = 300
    assert len(found_in(image).x) == 0


def test_bright_stars_are_followed_into_their_wings():
    image = moffat(100, 100, 3000, 2.5) + np.random.default_rng(3).normal(size=(EDGE, EDGE))
    found = find_stars(
        image.astype('f4'), np.float32(1), None, PSFWidth(FWHM, 0.3), significance=10
    )
    assert len(found.x) == 1
    assert 0.75 < found.radius[0] / radius_of(3000, 0.5, 2.5) < 1.1


@pytest.mark.parametrize('find', ['star', 'saturated'])
def test_photons_of_a_star_do_not_hide_its_halo(find):
    image = scene(with_spikes=False) if find == 'saturated' else scene(3000, with_spikes=False)
    image = np.minimum(image, LEVEL) if find == 'saturated' else image
    sky = np.ones(image.shape, dtype='f4')
    radii = []
    for noise in (sky, np.sqrt(sky + np.maximum(image, 0))):
        if find == 'saturated':
            level = saturation_level([bright_tops(image, noise, None, FWHM)])
            radii.append(find_saturated(image, noise, None, FWHM, image > level).radius)
        else:
            found = find_stars(image, noise, None, PSFWidth(FWHM, 0.3), significance=10)
            radii.append(found.radius[np.hypot(found.x - 100.4, found.y - 120.3) < 1])
    assert len(radii[0]) == len(radii[1]) == 1
    assert radii[1][0] == pytest.approx(radii[0][0], rel=0.1)


def cut(image, positions, **options):
    config = NeighborConfig('keep', 'mask', psf_fwhm=FWHM, **options)
    return StampSet.from_image(image, size=64, positions=positions, neighbors=config)


def test_stamps_beside_a_saturated_star():
    image = scene()
    stamps = cut(image, [(135, 120), (100, 120), (170, 150), (100, 185)])
    left, star, galaxy_alone, above = stamps.mask
    y, x = np.indices((64, 64))
    reach = radius_of(2e5, 0.5)
    assert left[np.hypot(x + 103 - 100.4, y + 88 - 120.3) < 0.7 * reach].all()
    assert stamps.table['central_star'].tolist() == [False, True, False, False]
    # What is central stays: it is for the user to leave stars out.
    assert not star[30:35, 30:35].any()
    assert not galaxy_alone[28:36, 28:36].any()
    assert above[:10, 31:34].all()
    same = cut(image, [(135, 120)], saturation=0.8 * LEVEL)
    assert (same.mask[0] == left).mean() > 0.95


def test_a_level_within_the_noise_is_refused():
    message = '`saturation` must be the level of saturated stars'
    with pytest.raises(ValueError, match=message):
        cut(scene(), [(120, 110)], saturation=1.5)
    config = NeighborConfig('keep', 'mask', psf_fwhm=FWHM, saturation=1.5)
    stamps = StampSet(scene()[np.newaxis, :128, :128])
    with pytest.raises(ValueError, match=message):
        stamps.remove_neighbors(config, progress=False)


def test_a_level_in_one_tile_holds_in_all(monkeypatch):
    """The star at the right is saturated, but its top is not flat."""
    image = np.concatenate([scene(with_spikes=False), scene(1.0, seed=2)], axis=1)
    y, x = np.indices(image.shape)
    square = (x - 400.2) ** 2 + (y - 119.7) ** 2
    image += (1.2 * LEVEL * (1 + square / width(BETA) ** 2) ** -BETA).astype('f4')
    found = []
    for whole in (10**6, 0):
        monkeypatch.setattr('astro_wgan.neighbors.image_neighbors._WHOLE', whole)
        monkeypatch.setattr('astro_wgan.neighbors.image_neighbors._TILE', 240)
        monkeypatch.setattr('astro_wgan.neighbors.image_neighbors._MARGIN', 64)
        found.append(cut(image, [(120, 110), (430, 120)], star_tolerance=0.05))
    assert (found[0].mask != found[1].mask).mean() < 0.01
    assert found[1].table['n_stars'][1] >= 1


def test_halos_are_no_sky():
    image = scene(5e5, with_spikes=False) + galaxy(152, 158, 200, scale=2).astype('f4')
    config = NeighborConfig('replace', 'mask', psf_fwhm=FWHM, detection=DetectionConfig(20))
    stamps = StampSet.from_image(image, size=48, positions=[(166, 150)], neighbors=config)
    new = (stamps.pixels[0] != image[126:174, 142:190]) & stamps.valid[0]
    assert new.sum() > 20
    # The level at the border of the halo is half of the noise.
    assert stamps.pixels[0][new].mean() < 0.5 + 3 / np.sqrt(new.sum())


def test_halos_that_are_known_in_closed_form():
    assert moffat_radius(2.0, FWHM, beta=BETA) == pytest.approx(radius_of(2, 0.5))
    core = radius_of(1e5, LEVEL)
    assert moffat_radius(LEVEL, FWHM, beta=BETA, core=core) == pytest.approx(radius_of(1e5, 0.5))
    assert moffat_radius(1e12, FWHM, beta=1.5) == 256
    y, x = np.indices((40, 40))
    ramp = np.hypot(x - 20, y - 20)
    edges = np.arange(1, 12.0)
    medians = ring_medians(ramp, ramp > 9.5, 20, 20, edges)
    assert np.allclose(medians[:8], edges[:8] + 0.5, atol=0.6)
    assert np.isnan(medians[-1])
    cone = 10 - ramp
    found = halo_radius(cone, None, 20, 20, noise=2.0, inner=3, outer=18)
    assert found == pytest.approx(9, abs=1)
    assert halo_radius(cone, None, 20, 20, noise=2.0, inner=3, outer=3) == 3
