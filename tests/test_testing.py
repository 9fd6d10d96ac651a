import numpy as np
import pytest
from astropy import units as u
from astropy.coordinates import SkyCoord
from astropy.wcs.utils import proj_plane_pixel_scales

from astro_wgan.store import StampStore
from astro_wgan.testing import assert_stamps_equal, make_stamps, make_wcs


def test_wcs_has_the_center_scale_and_angle_that_are_asked_for():
    center = SkyCoord(10, -40, unit='deg')
    wcs = make_wcs((21, 31), center=center, pixel_scale=0.2 * u.arcsec, position_angle=30 * u.deg)
    assert wcs.pixel_to_world(15, 10).separation(center) < 1e-6 * u.arcsec
    np.testing.assert_allclose(proj_plane_pixel_scales(wcs) * 3600, 0.2)
    above = wcs.pixel_to_world(15, 11)
    assert u.isclose(center.position_angle(above), 30 * u.deg, atol=1e-3 * u.deg)
    # East is to the left of north.
    left = wcs.pixel_to_world(14, 10)
    assert u.isclose(center.position_angle(left), 120 * u.deg, atol=1e-3 * u.deg)


def test_wcs_has_the_frame_projection_and_reference_that_are_asked_for():
    center = SkyCoord(30, 0, unit='deg', frame='galactic')
    wcs = make_wcs(
        center=center,
        reference_pixel=(100, -7),
        projection='CAR',
        mirrored=True,
        pixel_scale=0.5 * u.deg,
    )
    assert list(wcs.wcs.ctype) == ['GLON-CAR', 'GLAT-CAR']
    # A plate carree is linear in the angles; mirrored, longitude rises with x.
    place = wcs.pixel_to_world(110, -1)
    assert place.frame.name == 'galactic'
    assert (place.l.deg, place.b.deg) == pytest.approx((35, 3))
    old = make_wcs(center=SkyCoord(10, 20, unit='deg', frame='fk5'))
    assert (old.wcs.radesys, old.wcs.equinox) == ('FK5', 2000)


def test_sources_have_the_width_and_peak_that_are_asked_for():
    stamps = make_stamps(40, shape=(33, 33), sigma=3.0, peak=(200, 400), dtype=float)
    assert (stamps.table['sigma'] == 3).all()
    # Second moments of a Gaussian; the noise of 1 adds about 0.1 to the profile.
    x = np.arange(33) - 16
    total = stamps.pixels.sum(axis=(1, 2))
    width = np.sqrt((stamps.pixels * x**2).sum(axis=(1, 2)) / total)
    assert np.median(width) == pytest.approx(3, rel=0.02)
    peak = total / (2 * np.pi * 3**2)
    assert 199 < peak.min() < 220
    assert 380 < peak.max() < 401


@pytest.mark.parametrize('bands', [None, 3])
def test_stamps_show_a_source_on_noise_of_rms_1(bands):
    stamps = make_stamps(50, shape=(24, 20), bands=bands, seed=3)
    assert stamps.pixels.shape == (50, 24, 20) + (() if bands is None else (bands,))
    edge = stamps.pixels[:, 0, :]
    assert abs(edge.mean()) < 0.2
    assert 0.9 < edge.std() < 1.1
    assert (stamps.pixels[:, 12, 10] > 10).all()
    assert stamps == make_stamps(50, shape=(24, 20), bands=bands, seed=3)
    assert stamps != make_stamps(50, shape=(24, 20), bands=bands, seed=4)


def test_equal_stamps_pass_whether_in_memory_or_stored(tmp_path):
    stamps = make_stamps(5, wcs=[make_wcs((32, 32))] * 5, uncertainty=np.ones((5, 32, 32)))
    with StampStore.create(tmp_path / 'stamps.zarr', like=stamps) as store:
        store.append(stamps)
        assert_stamps_equal(store, stamps)
    assert_stamps_equal(stamps, stamps.replace())


def _masked(stamps):
    mask = np.zeros(stamps.pixels.shape, dtype=bool)
    mask[1, 2, 3] = True
    return stamps.replace(mask=mask)


CHANGES = {
    'pixels': lambda stamps: stamps.replace(pixels=stamps.pixels + np.float32(1e-3)),
    'mask': _masked,
    'uncertainty': lambda stamps: stamps.replace(uncertainty=np.ones(stamps.pixels.shape)),
    'psf': lambda stamps: stamps.replace(psf=np.ones((3, 3))),
    'pixel_scale': lambda stamps: stamps.replace(pixel_scale=0.1 * u.arcsec),
    'wcs': lambda stamps: stamps.replace(
        wcs=[make_wcs((32, 32), position_angle=1 * u.deg)] * len(stamps)
    ),
    'table': lambda stamps: stamps.replace(table=stamps.table['id',]),
}


@pytest.mark.parametrize('name', CHANGES)
def test_what_differs_is_named(name):
    stamps = make_stamps(4, wcs=[make_wcs((32, 32))] * 4)
    other = CHANGES[name](stamps)
    with pytest.raises(AssertionError, match=name):
        assert_stamps_equal(stamps, other)
    with pytest.raises(AssertionError, match=name):
        assert_stamps_equal(other, stamps)


def test_differences_within_the_tolerance_pass():
    stamps = make_stamps(4)
    near = CHANGES['pixels'](stamps)
    assert_stamps_equal(near, stamps, atol=2e-3)
    with pytest.raises(AssertionError, match='pixels'):
        assert_stamps_equal(near, stamps, atol=1e-4)
