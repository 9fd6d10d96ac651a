"""Mock images against closed formulas, and against GalSim."""

import re
from dataclasses import replace

import numpy as np
import pytest
from astropy import units as u
from astropy.cosmology import FlatLambdaCDM, Planck18
from astropy.utils.exceptions import AstropyUserWarning

from astro_wgan.datasets import load_light_map
from astro_wgan.mocks import (
    INSTRUMENTS,
    AiryPSF,
    GaussianPSF,
    ImagePSF,
    LightMap,
    MoffatPSF,
    get_instrument,
    mock_stamps,
)
from astro_wgan.mocks import light_map as light_module
from astro_wgan.mocks.light_map import describe_maps
from astro_wgan.store import StampStore

POWER = u.W / u.Hz


def gaussian_map(sigma, *, edge=201, scale=0.1 * u.kpc, wavelength=None):
    """A round Gaussian of total 1e22 W / Hz; sigma in pixels."""
    y, x = np.indices((edge, edge)) - (edge - 1) / 2
    light = np.exp(-0.5 * (x**2 + y**2) / sigma**2)
    return LightMap(1e22 * light / light.sum() * POWER, scale, wavelength=wavelength)


def draw(light, instrument='euclid_vis', **options):
    return mock_stamps(light, instrument, progress=False, **options)


def magnitude(stamps, instrument):
    return instrument.zero_point - 2.5 * np.log10(stamps.pixels.sum(axis=(1, 2), dtype=float))


@pytest.mark.parametrize('name', INSTRUMENTS)
@pytest.mark.parametrize('redshift', [0.3, 2.0])
def test_flux_is_that_of_the_distance_modulus(name, redshift):
    """M + 5 log10(D_L / 10 pc) - 2.5 log10(1 + z), to 0.1 percent."""
    light = gaussian_map(12)
    stamps = draw(light, name, redshift=redshift, size=400)
    expected = light.absolute_magnitude.value + Planck18.distmod(redshift).value
    expected -= 2.5 * np.log10(1 + redshift)
    assert magnitude(stamps, INSTRUMENTS[name])[0] == pytest.approx(expected, abs=0.001)
    assert stamps.table['magnitude'].value[0] == pytest.approx(expected, abs=1e-4)


def test_flux_fraction_is_that_inside_the_stamp():
    light = gaussian_map(30)
    whole, part = (draw(light, redshift=0.1, size=size) for size in (128, 16))
    fraction = part.pixels.sum() / whole.pixels.sum()
    assert part.table['flux_fraction'][0] == pytest.approx(fraction, rel=1e-3)
    assert fraction < 0.9


@pytest.mark.parametrize('cosmology', [Planck18, FlatLambdaCDM(H0=70, Om0=0.3)])
def test_lengths_are_angles_at_the_angular_diameter_distance(cosmology):
    pixels = np.zeros((100, 201))
    pixels[50, [40, 160]] = 1e21
    light = LightMap(pixels * POWER, 0.5 * u.kpc)
    stamps = draw(light, redshift=0.5, size=(64, 200), cosmology=cosmology)
    x = np.arange(200)
    profile = stamps.pixels[0].sum(axis=0, dtype=float)
    left, right = (np.average(x[part], weights=profile[part]) for part in (x < 100, x >= 100))
    expected = 60 * u.kpc / cosmology.kpc_proper_per_arcmin(0.5) / (0.1 * u.arcsec)
    assert right - left == pytest.approx(expected.to_value(''), rel=1e-3)


def test_second_moments_add_up():
    """Those of the galaxy, of the PSF and of two kinds of pixels."""
    sigma, fwhm = 15, 0.3
    camera = replace(get_instrument('euclid_vis'), psf=GaussianPSF(fwhm * u.arcsec))
    stamps = draw(gaussian_map(sigma), camera, redshift=0.5, size=101)
    image = stamps.pixels[0].astype(float)
    found = np.average((np.arange(101) - 50.0) ** 2, weights=image.sum(axis=0))
    pixel = (0.1 * u.kpc / Planck18.kpc_proper_per_arcmin(0.5) / (0.1 * u.arcsec)).to_value('')
    expected = (sigma**2 + 1 / 12) * pixel**2 + (fwhm / 0.1) ** 2 / (8 * np.log(2)) + 1 / 12
    assert found == pytest.approx(expected, rel=0.01)


def test_surface_brightness_dims_by_the_third_power():
    """Tolman: (1 + z)^-4 in all, of which bandwidth gives one back per frequency."""
    brightness = np.full((300, 300), 20.0) * u.mag(u.AB / u.arcsec**2)
    light = LightMap.from_surface_brightness(brightness, 1 * u.kpc, redshift=0.05)
    camera = get_instrument('lsst_i')
    redshifts = np.array([0.2, 0.6, 1.5])
    stamps = draw(light, camera, redshift=redshifts, size=24)
    middle = stamps.pixels[:, 12, 12] / camera.pixel_scale.value**2
    found = camera.zero_point - 2.5 * np.log10(middle)
    np.testing.assert_allclose(found, 20 + 7.5 * np.log10((1 + redshifts) / 1.05), atol=0.002)


@pytest.mark.parametrize(
    'psf', [MoffatPSF(0.7 * u.arcsec, beta=3), AiryPSF(0.7 * u.um, 1.2 * u.m, obscuration=0.3)]
)
def test_an_exponential_disk_is_drawn_as_by_galsim(psf):
    galsim = pytest.importorskip('galsim')
    camera = replace(get_instrument('euclid_vis'), psf=psf)
    scale, redshift, fine = 2 * u.kpc, 0.5, 0.05 * u.kpc
    y, x = np.indices((801, 801)) - 400
    disk = np.exp(-np.hypot(x, 2 * y) * (fine / scale).to_value(''))
    light = LightMap(1e22 * disk / disk.sum() * POWER, fine)
    found = draw(light, camera, redshift=redshift, size=101).pixels[0]
    angle = (scale / Planck18.kpc_proper_per_arcmin(redshift)).to_value(u.arcsec)
    profile = galsim.Exponential(scale_radius=1).transform(angle, 0, 0, angle / 2)
    if isinstance(psf, MoffatPSF):
        blur = galsim.Moffat(fwhm=0.7, beta=3)
    else:
        blur = galsim.Airy(lam=700, diam=1.2, obscuration=0.3, scale_unit=galsim.arcsec)
    whole = galsim.Convolve(profile / profile.flux, blur)
    expected = whole.drawImage(nx=101, ny=101, scale=0.1).array
    np.testing.assert_allclose(
        found / found.sum(), expected / expected.sum(), atol=0.01 * expected.max()
    )


def test_center_moves_the_stamp():
    pixels = np.zeros((60, 80))
    pixels[10, 70] = 1e21
    light = LightMap(pixels * POWER, 1 * u.kpc)
    stamp = draw(light, redshift=0.5, size=33, center=(70, 10)).pixels[0]
    assert np.unravel_index(stamp.argmax(), stamp.shape) == (16, 16)
    np.testing.assert_allclose(stamp, stamp[::-1, ::-1], atol=1e-4 * stamp.max())


def test_a_center_outside_of_any_map_is_refused_before_one_is_drawn(tmp_path):
    maps = [gaussian_map(5), gaussian_map(5, edge=51)]
    with pytest.raises(ValueError, match=r'from -0.5 to 50.5 in x and 50.5 in y; got \(60, 20\)'):
        draw(maps, redshift=1, center=(60, 20), output=tmp_path / 'store.zarr')
    assert not (tmp_path / 'store.zarr').exists()


def test_bands_are_interpolated_at_the_wavelength_that_is_seen():
    """Light that is a power law in wavelength stays one."""
    bands = [400, 600, 800] * u.nm
    shape = np.ones((50, 50))
    slope = 1.7
    light = LightMap(
        np.stack([1e18 * shape * (band / (500 * u.nm)) ** slope for band in bands], -1) * POWER,
        0.2 * u.kpc,
        wavelength=bands,
    )
    camera = get_instrument('hst_acs_f814w')
    stamps = draw(light, camera, redshift=[0.5, 2.0], size=32)
    rest = stamps.table['rest_wavelength'].to_value(u.nm)
    np.testing.assert_allclose(rest, 804.5 / np.array([1.5, 3.0]))
    assert stamps.table['band_match'].tolist() == ['interpolated', 'nearest']
    for redshift, seen, found in zip(
        [0.5, 2.0], [rest[0], 400], stamps.table['magnitude'], strict=True
    ):
        alone = LightMap(1e18 * shape * (seen / 500) ** slope * POWER, 0.2 * u.kpc)
        expected = draw(alone, camera, redshift=redshift, size=32).table['magnitude'][0]
        assert found.value == pytest.approx(expected.value, abs=1e-6)


@pytest.mark.parametrize(
    ('wavelength', 'expected'),
    [(None, 'unknown'), (536 * u.nm, 'matched'), (900 * u.nm, 'nearest')],
)
def test_what_a_single_band_stands_for_is_said(wavelength, expected):
    light = gaussian_map(10, wavelength=wavelength)
    stamps = draw(light, 'hst_acs_f814w', redshift=0.5)
    assert stamps.table['band_match'][0] == expected


def test_the_merger_keeps_its_light():
    light = load_light_map('encounter_passage')
    assert light.luminosity.shape == (320, 320, 3)
    stamps = draw(light, 'hst_wfc3_f160w', redshift=[0.7, 1.5], size=320)
    lost = 1 - stamps.table['flux_fraction']
    assert (np.abs(lost) < 2e-3).all()


def test_pixels_that_are_too_large_are_said():
    light = gaussian_map(5, scale=1 * u.kpc)
    with pytest.warns(AstropyUserWarning, match='times as large'):
        draw(light, redshift=0.05)


def test_a_store_is_continued(tmp_path):
    light = [gaussian_map(k) for k in (5, 8)] * 20
    redshift = np.linspace(0.3, 1, 40)
    whole = draw(light, redshift=redshift, size=16)
    store = draw(light, redshift=redshift, size=16, output=tmp_path / 'mocks.zarr')
    np.testing.assert_array_equal(store[:].pixels, whole.pixels)
    partial = StampStore.create(tmp_path / 'cut.zarr', like=store[:0])
    partial.append(store[:32])
    partial.close()
    again = draw(light, redshift=redshift, size=16, output=tmp_path / 'cut.zarr')
    np.testing.assert_array_equal(again[:].pixels, whole.pixels)
    assert again.table['redshift'].tolist() == redshift.tolist()
    with pytest.raises(ValueError, match='to other settings: `redshift` differs'):
        draw(light, redshift=redshift + 0.1, size=16, output=tmp_path / 'mocks.zarr')


def test_another_psf_is_another_store(tmp_path):
    light, path = gaussian_map(5), tmp_path / 'mocks.zarr'
    cameras = [
        replace(get_instrument('euclid_vis'), psf=ImagePSF(star, 0.1 * u.arcsec))
        for star in (np.ones((3, 3)), np.eye(3))
    ]
    draw(light, cameras[0], redshift=1, size=8, output=path)
    with pytest.raises(ValueError, match='belongs to another instrument: its PSF differs'):
        draw(light, cameras[1], redshift=1, size=8, output=path)


def in_bands(*wavelengths):
    light = gaussian_map(5)
    luminosity = np.stack([light.luminosity, 3 * light.luminosity], axis=-1)
    return LightMap(luminosity, light.pixel_scale, wavelengths * u.nm)


@pytest.mark.parametrize(
    ('change', 'what'),
    [
        (
            {'light': [gaussian_map(5), gaussian_map(8, scale=0.3 * u.kpc)]},
            "other light maps: the pixel scale of map 1 was '0.1 kpc' and is '0.3 kpc'",
        ),
        (
            {'light': [gaussian_map(5), gaussian_map(9)]},
            'other light maps: the luminosity of map 1 differs. ',
        ),
        (
            {'light': [gaussian_map(5), in_bands(400, 700)]},
            'other light maps: the luminosity of map 1 differs, the wa',
        ),
        ({'light': [gaussian_map(5)]}, 'other light maps: there were 2 of them, and are 1'),
        ({'redshift': [0.5, 0.7]}, 'other settings: `redshift` was [0.5, 0.6] and is [0.5, 0.7]'),
        ({'size': (16, 18)}, 'other settings: `size` was [16, 16] and is [16, 18]'),
        ({'center': (60, 60)}, 'other settings: `center` was None and is [60, 60]'),
        ({'instrument': 'euclid_vis'}, "another instrument: its PSF differs, its name was 'hst_"),
        # Of one name, but not one universe.
        ({'cosmology': FlatLambdaCDM(50, 0.3, name='mine')}, 'other settings: `cosmology` was '),
    ],
)
def test_what_else_was_drawn_is_named(tmp_path, change, what):
    options = {
        'light': [gaussian_map(5), gaussian_map(8)],
        'instrument': 'hst_acs_f814w',
        'redshift': [0.5, 0.6],
        'size': 16,
        'cosmology': FlatLambdaCDM(70, 0.3, name='mine'),
        'output': tmp_path / 'mocks.zarr',
    }
    draw(**options)
    draw(**options)
    with pytest.raises(ValueError, match=f'belongs to {re.escape(what)}'):
        draw(**options | change)


def test_wavelengths_and_pixel_scale_of_a_map_count(tmp_path):
    options = {'redshift': 0.5, 'size': 16}
    draw(in_bands(400, 700), **options, output=tmp_path / 'bands.zarr')
    with pytest.raises(
        ValueError, match=r'the wavelength of map 0 was .400, 700 nm. and is .500, 900'
    ):
        draw(in_bands(500, 900), **options, output=tmp_path / 'bands.zarr')
    light = gaussian_map(5, scale=0.2 * u.kpc)
    draw(light, **options, output=tmp_path / 'scale.zarr')
    corrected = LightMap(light.luminosity, light.pixel_scale / 0.6774)
    with pytest.raises(
        ValueError, match=r"pixel scale of map 0 was '0.2 kpc' and is '0.2952465309 kpc'"
    ):
        draw(corrected, **options, output=tmp_path / 'scale.zarr')
    again = LightMap(light.luminosity.copy(), light.pixel_scale.to(u.pc / u.pix))
    draw(again, **options, output=tmp_path / 'scale.zarr')


class OnDemand:
    """Maps that are read when they are asked for."""

    def __init__(self, maps):
        self.maps, self.asked_for = maps, []

    def __len__(self):
        return len(self.maps)

    def __getitem__(self, k):
        self.asked_for.append(k)
        return self.maps[k]


@pytest.mark.parametrize('named', [0, 16])
def test_maps_count_whether_they_are_named_or_not(monkeypatch, named):
    monkeypatch.setattr(light_module, '_MAX_NAMED', named)

    def described(*maps):
        return describe_maps(maps)

    first, light = gaussian_map(5), in_bands(400, 700)
    before = described(first, light)
    assert described(first, in_bands(400, 700)) == before
    for other in (
        LightMap(2 * light.luminosity, light.pixel_scale, light.wavelength),
        LightMap(light.luminosity, 2 * light.pixel_scale, light.wavelength),
        LightMap(light.luminosity, light.pixel_scale, light.wavelength + 1 * u.nm),
    ):
        assert described(first, other) != before
    assert described(light, first) != before
    assert describe_maps([]) == describe_maps(()) != before


def test_of_maps_that_must_be_read_a_sample_is_compared(monkeypatch):
    monkeypatch.setattr(light_module, '_MAX_READ', 5)
    maps = [gaussian_map(5), gaussian_map(8)] * 10
    read = OnDemand(maps)
    known = describe_maps(read)
    assert read.asked_for == [0, 4, 9, 14, 19]
    assert describe_maps(OnDemand(list(maps))) == known
    for k in (0, 19):
        assert describe_maps(OnDemand([*maps[:k], gaussian_map(9), *maps[k + 1 :]])) != known
    # Those that are there already are all looked at.
    known = describe_maps(maps)
    for k in (0, 7, 19):
        assert describe_maps([*maps[:k], gaussian_map(9), *maps[k + 1 :]]) != known


def test_a_store_of_a_former_version_is_refused(tmp_path):
    store = draw(gaussian_map(5), redshift=0.5, size=16, output=tmp_path / 'mocks.zarr')
    like = store[:0]
    like.meta = {'mocks': {'instrument': 'HST', 'first_map': 'ab12'}}
    StampStore.create(tmp_path / 'former.zarr', like=like).close()
    with pytest.raises(
        ValueError, match=r'former\.zarr, was written by a former version .* Remove'
    ):
        draw(gaussian_map(5), redshift=0.5, size=16, output=tmp_path / 'former.zarr')


def test_a_cluster_draws_the_same():
    distributed = pytest.importorskip('distributed')
    light, redshift = gaussian_map(5), np.linspace(0.3, 1, 40)
    with distributed.Client(processes=False, dashboard_address=':0') as client:
        found = draw(light, redshift=redshift, size=16, client=client)
    expected = draw(light, redshift=redshift, size=16)
    np.testing.assert_array_equal(found.pixels, expected.pixels)


def test_items_that_are_no_maps_are_refused():
    with pytest.raises(TypeError, match='LightMap'):
        draw([np.ones((4, 4))], redshift=1)


def test_processes_draw_the_same():
    light = gaussian_map(5)
    redshift = np.linspace(0.3, 1, 70)
    one, two = (draw(light, redshift=redshift, size=16, processes=n) for n in (1, 2))
    np.testing.assert_array_equal(one.pixels, two.pixels)


def test_no_maps_are_no_stamps():
    assert len(draw([], redshift=1)) == 0


@pytest.mark.parametrize('redshift', [0, -1, np.nan, np.inf, [[1.0]]])
def test_impossible_redshifts_are_refused(redshift):
    with pytest.raises(ValueError, match='`redshift` must be one positive'):
        draw(gaussian_map(5), redshift=redshift)


@pytest.mark.parametrize(
    ('options', 'error', 'match'),
    [
        ({'size': 0}, ValueError, '`size`'),
        ({'center': 3}, ValueError, '`center`'),
        ({'center': (np.nan, 1)}, ValueError, '`center`'),
        ({'center': (201, 5)}, ValueError, '`center` must be inside the map'),
        ({'center': (5, -0.6)}, ValueError, '`center` must be inside the map'),
        ({'cosmology': 'Planck18'}, TypeError, '`cosmology`'),
        ({'instrument': 'eye'}, ValueError, '`instrument`'),
    ],
)
def test_bad_arguments_are_refused(options, error, match):
    with pytest.raises(error, match=match):
        draw(gaussian_map(5), redshift=1, **options)


def test_numbers_of_maps_and_redshifts_must_fit():
    with pytest.raises(ValueError, match='one for each of the 3 maps; got 2'):
        draw([gaussian_map(5)] * 3, redshift=[1, 2])


@pytest.mark.parametrize(
    ('light', 'error', 'match'),
    [
        (np.ones((4, 4)), u.UnitsError, 'power per frequency'),
        (-np.ones((4, 4)) * POWER, ValueError, '16 of 16 pixels'),
        (np.full((4, 4), np.nan) * POWER, ValueError, 'finite'),
        (np.ones(4) * POWER, ValueError, 'shape'),
        (np.ones((4, 4, 2)) * POWER, ValueError, '`wavelength`'),
    ],
)
def test_what_is_no_light_is_refused(light, error, match):
    with pytest.raises(error, match=match):
        LightMap(light, 1 * u.kpc)
