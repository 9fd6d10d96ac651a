"""The command `astro-wgan observe`."""

import numpy as np
import pytest
from astropy import units as u
from astropy.io import fits

from astro_wgan.cli import main
from astro_wgan.datasets import light_map_paths, load_light_map
from astro_wgan.images import read_image
from astro_wgan.mocks import GaussianPSF, mock_stamps, observe
from astro_wgan.store import StampStore


def run(*arguments):
    return main(['observe', *map(str, arguments), '--quiet'])


def test_writes_an_image_for_each_galaxy_and_redshift(tmp_path):
    out = tmp_path / 'out'
    simulations = ('encounter_passage', 'encounter_remnant')
    arguments = ('--redshift', 0.5, 1, '--size', 64)
    assert run(*simulations, *arguments, '--seed', 3, '--output', out) == 0
    names = [f'{name}-z{z}.fits' for name in simulations for z in ('0.5', '1')]
    assert sorted(path.name for path in out.glob('*.fits')) == names
    expected = observe(
        [load_light_map(name) for name in simulations for _ in range(2)],
        'hst_acs_f814w',
        redshift=[0.5, 1, 0.5, 1],
        size=64,
        seed=3,
        progress=False,
    )
    np.testing.assert_array_equal(StampStore.open(out / 'stamps.zarr')[:].pixels, expected.pixels)
    image = read_image(out / names[3])
    np.testing.assert_array_equal(image.data, expected.pixels[3])
    assert image.unit == u.electron / u.s
    assert image.meta['REDSHIFT'] == 1
    scale = np.sqrt(image.wcs.proj_plane_pixel_area()).to_value(u.arcsec)
    assert scale == pytest.approx(0.03)
    with fits.open(out / names[3]) as hdulist:
        noise = hdulist[0].data - hdulist['NOISEFREE'].data
        assert noise.std() == pytest.approx(0.003, rel=0.1)
        assert hdulist['PSF'].data.sum() == pytest.approx(1, abs=1e-4)
        total = -2.5 * np.log10(hdulist['NOISEFREE'].data.sum()) + image.meta['MAGZERO']
    assert total > image.meta['MAG'] - 0.001  # the stamp does not hold it all


def test_another_input_is_refused_in_one_line(tmp_path, capsys):
    out = tmp_path / 'out'
    arguments = ('--redshift', 0.5, '--size', 16, '--output', out)
    assert run('encounter_passage', *arguments) == 0
    assert run('encounter_passage', *arguments) == 0
    assert run('encounter_remnant', *arguments) == 2
    said = capsys.readouterr().err
    assert said.count('\n') == 1
    assert 'belongs to other light maps: the luminosity of map 0 differs' in said
    assert run('encounter_passage', *arguments, '--seed', 5) == 2
    assert 'belongs to other settings: `seed` was 0 and is 5' in capsys.readouterr().err


def test_options_reach_the_image(tmp_path):
    star = GaussianPSF(0.5 * u.arcsec).draw(0.1 * u.arcsec).astype(np.float32)
    fits.PrimaryHDU(star).writeto(tmp_path / 'star.fits')
    images = light_map_paths('encounter_passage')
    out = tmp_path / 'out'
    arguments = (*images, '--bands', '--instrument', 'euclid_vis', '--redshift', 0.4)
    arguments += ('--psf', tmp_path / 'star.fits', '--exposure-time', 22600, '--size', 48)
    assert run(*arguments, '--center', 100, 120, '--output', out) == 0
    with fits.open(out / 'encounter_passage_g-z0.4.fits') as hdulist:
        assert hdulist[0].header['EXPTIME'] == 22600
        assert hdulist[0].header['BANDMTCH'] == 'interpolated'
        noise = hdulist[0].data - hdulist['NOISEFREE'].data
        psf = hdulist['PSF'].data
    # The second moment of a star is that of its image and of a pixel.
    x = np.arange(len(psf)) - len(psf) // 2
    assert np.average(x**2, weights=psf.sum(axis=0)) == pytest.approx(4.51 + 1 / 12, rel=0.05)
    single = mock_stamps(
        load_light_map('encounter_passage'),
        'euclid_vis',
        redshift=0.4,
        size=48,
        center=(100, 120),
        progress=False,
    )
    corner = np.abs(noise[:8, :8]).mean()
    assert corner < 0.01 < single.pixels.max()


def test_goes_on_where_it_was_interrupted_and_refuses_other_work(tmp_path, capsys):
    arguments = ('encounter_passage', '--size', 32, '--output', tmp_path / 'out')
    assert run(*arguments, '--redshift', 0.5) == 0
    first = (tmp_path / 'out' / 'encounter_passage-z0.5.fits').read_bytes()
    assert run(*arguments, '--redshift', 0.5) == 0
    assert (tmp_path / 'out' / 'encounter_passage-z0.5.fits').read_bytes() == first
    assert run(*arguments, '--redshift', 0.6) == 2
    assert 'other settings' in capsys.readouterr().err


def test_sky_of_an_image_is_the_noise(tmp_path):
    rng = np.random.default_rng(1)
    image = fits.PrimaryHDU(rng.normal(scale=0.5, size=(200, 200)).astype(np.float32))
    image.header.update({'CTYPE1': 'RA---TAN', 'CTYPE2': 'DEC--TAN', 'BUNIT': 'electron/s'})
    image.header.update({'CDELT1': -0.1 / 3600, 'CDELT2': 0.1 / 3600})
    image.writeto(tmp_path / 'sky.fits')
    arguments = ('encounter_passage', '--redshift', 0.5, '--instrument', 'euclid_vis')
    arguments += ('--size', 48, '--sky-image', tmp_path / 'sky.fits', '--output', tmp_path / 'out')
    assert run(*arguments) == 0
    with fits.open(tmp_path / 'out' / 'encounter_passage-z0.5.fits') as hdulist:
        noise = hdulist[0].data - hdulist['NOISEFREE'].data
    assert noise.std() == pytest.approx(0.5, rel=0.1)


@pytest.mark.parametrize(
    ('arguments', 'said'),
    [
        (('nowhere.fits', '--redshift', '1'), 'nowhere.fits'),
        (('encounter_passage', '--redshift', '0'), '`redshift` must be one positive'),
        (('encounter_passage', '--redshift', '1', '--instrument', 'eye'), 'hst_acs_f814w'),
        (('encounter_passage', '--redshift', '1', '--size', '0'), '`size`'),
        (('encounter_passage', '--redshift', '1', '--exposure-time', '0'), '`exposure_time`'),
        (('encounter_passage', 'encounter_passage', '--redshift', '1'), 'different names'),
        (
            ('encounter_passage', '--redshift', '1', '--center', '400', '10'),
            '`center` must be inside',
        ),
        (
            ('encounter_passage', '--redshift', '1', '--center', '-1', '10'),
            '`center` must be inside',
        ),
        (('encounter_passage', '--redshift', '1', '--unit', 'Jy'), 'omit --unit'),
        (('encounter_passage', '--redshift', '1', '--plane', '0'), 'omit --plane'),
        (('encounter_passage', '--redshift', '1', '--psf-scale', '0.1'), 'give `--psf`'),
        (('encounter_passage', '--redshift', '1', '--seed', '-1'), '`seed` must be an integer'),
        (('encounter_passage', '--redshift', '1', '--processes', '0'), '`processes` must be'),
    ],
)
def test_bad_input_is_said_and_nothing_written(tmp_path, capsys, arguments, said):
    assert run(*arguments, '--output', tmp_path / 'out') == 2
    error = capsys.readouterr().err
    assert error.startswith('astro-wgan: ')
    assert said in error
    assert error.count('\n') == 1
    assert not (tmp_path / 'out').exists()


def image_of_light(path, unit):
    hdu = fits.PrimaryHDU(np.full((32, 32), 22.0))
    hdu.header.update({'BUNIT': unit, 'REDSHIFT': 0.05, 'WLEFF': 5500.0})
    hdu.header.update({'CUNIT1': 'kpc', 'CDELT1': 0.2, 'CDELT2': 0.2})
    hdu.writeto(path)
    return path


@pytest.mark.parametrize('unit', ['m', 'K', 'W/m2', 'W/m2/micron/arcsec2', 'furlong?', 'mag'])
@pytest.mark.parametrize('where', ['header', 'option'])
def test_a_wrong_unit_is_one_line(tmp_path, capsys, unit, where):
    path = image_of_light(tmp_path / 'a.fits', unit if where == 'header' else 'MJy/sr')
    options = ['--unit', unit] if where == 'option' else []
    assert run(path, '--redshift', 0.5, *options, '--output', tmp_path / 'out') == 2
    error = capsys.readouterr().err
    assert error.startswith('astro-wgan: ')
    assert error.count('\n') == 1
    assert not (tmp_path / 'out').exists()


def test_the_option_that_is_missing_is_named(tmp_path, capsys):
    path = image_of_light(tmp_path / 'a.fits', 'MJy/sr')
    fits.delval(path, 'REDSHIFT')
    options = ('--redshift', 0.5, '--output', tmp_path / 'out')
    assert run(path, *options) == 2
    assert '`--image-redshift`' in capsys.readouterr().err


@pytest.mark.parametrize('cards', [{'BUNIT': 'nJy'}, {'BUNIT': 'm'}, {'CDELT1': -1e-3}])
def test_a_sky_that_does_not_fit_is_refused_before_anything_is_drawn(tmp_path, capsys, cards):
    sky = fits.PrimaryHDU(np.random.default_rng(1).normal(size=(200, 200)).astype(np.float32))
    sky.header.update({'CTYPE1': 'RA---TAN', 'CTYPE2': 'DEC--TAN', 'BUNIT': 'electron/s'})
    sky.header.update({'CDELT1': -0.1 / 3600, 'CDELT2': 0.1 / 3600} | cards)
    sky.writeto(tmp_path / 'sky.fits')
    arguments = ('encounter_passage', '--redshift', 0.5, '--instrument', 'euclid_vis')
    out = tmp_path / 'out'
    assert run(*arguments, '--sky-image', tmp_path / 'sky.fits', '--output', out) == 2
    assert capsys.readouterr().err.startswith('astro-wgan: ')
    assert not out.exists()


def test_planes_of_a_cube_are_chosen(tmp_path):
    path = image_of_light(tmp_path / 'cube.fits', 'MJy/sr')
    with fits.open(path, mode='update') as hdulist:
        hdulist[0].data = np.stack([hdulist[0].data, 3 * hdulist[0].data])
    magnitude = {}
    for plane in (0, 1):
        out = tmp_path / str(plane)
        assert run(path, '--redshift', 0.5, '--plane', plane, '--size', 16, '--output', out) == 0
        magnitude[plane] = fits.getheader(out / 'cube-z0.5.fits')['MAG']
    assert magnitude[0] - magnitude[1] == pytest.approx(2.5 * np.log10(3), abs=1e-4)
    out = tmp_path / 'bands'
    arguments = (path, '--redshift', 0.5, '--wavelength', 500, 700, '--size', 16)
    assert run(*arguments, '--output', out) == 0
    assert fits.getheader(out / 'cube-z0.5.fits')['BANDMTCH'] == 'interpolated'


def test_an_image_or_sky_larger_than_is_allowed_is_said_with_the_option(tmp_path, capsys):
    image = light_map_paths('encounter_passage')[0]
    arguments = ('--redshift', 1, '--output', tmp_path / 'out', '--max-size', 1000)
    assert run(image, *arguments) == 2
    assert 'allowed are 1,000 bytes (`--max-size`)' in capsys.readouterr().err
    assert run('encounter_passage', *arguments, '--sky-image', image) == 2
    assert 'allowed are 1,000 bytes (`--max-size`)' in capsys.readouterr().err
