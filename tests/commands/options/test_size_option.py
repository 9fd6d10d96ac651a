"""``--size`` of the commands, in pixels or as an angle."""

import argparse

import numpy as np
import pytest
from astropy import units as u
from astropy.io import fits
from astropy.nddata import CCDData

from astro_wgan.cli import main
from astro_wgan.commands.options.size_option import size_of_text
from astro_wgan.testing import make_wcs


def test_sizes_are_pixels_or_angles():
    assert size_of_text('64') == 64
    assert size_of_text('10arcsec') == 10 * u.arcsec
    assert size_of_text(' 0.5 arcmin') == 30 * u.arcsec


@pytest.mark.parametrize('text', ['', '64.5', 'ten', '3kpc', '3 pix', '[1, 2] arcsec', 'arcsec'])
def test_other_texts_are_refused(text, capsys):
    with pytest.raises(argparse.ArgumentTypeError, match='or an angle such as 10arcsec'):
        size_of_text(text)
    assert main(['hunt', 'image.fits', '--size', text]) == 2
    assert 'argument --size: must be a whole number of pixels' in capsys.readouterr().err


@pytest.fixture
def image(tmp_path):
    pixels = np.random.default_rng(0).normal(size=(80, 80))
    path = tmp_path / 'image.fits'
    CCDData(pixels, unit='nJy', wcs=make_wcs(pixels.shape, pixel_scale=0.1 * u.arcsec)).write(path)
    return path


@pytest.mark.parametrize(
    ('size', 'words'),
    [
        ('10arcsec', 'with pixels of 0.1 arcsec / pix one of 1.6 arcsec, 3.2 arcsec'),
        ('-1arcsec', '`size` must be one angle above 0, or pixels; got -1.0 arcsec'),
        ('12.8arcsec', '128 x 128'),
    ],
)
def test_hunts_say_which_angles_they_take(image, tmp_path, capsys, size, words):
    options = ['--output', str(tmp_path / 'hunt'), '--quiet', f'--size={size}']
    table = tmp_path / 'positions.csv'
    table.write_text('x,y\n40,40\n')
    assert main(['hunt', str(image), *options, '--positions', str(table)]) == 2
    assert words in capsys.readouterr().err


def test_angles_need_a_wcs(image, tmp_path, capsys):
    fits.writeto(tmp_path / 'plain.fits', fits.getdata(image))
    options = ['--output', str(tmp_path / 'hunt'), '--quiet', '--size', '6.4arcsec']
    assert main(['hunt', str(tmp_path / 'plain.fits'), *options]) == 2
    assert (
        '`size` must be in pixels for an image without celestial WCS; got 6.4 arcsec'
        in capsys.readouterr().err
    )


def test_angles_and_scales_are_not_given_together(image, tmp_path, capsys):
    options = ['--output', str(tmp_path / 'hunt'), '--quiet', '--size', '6.4arcsec']
    assert main(['hunt', str(image), *options, '--scale', 'source']) == 2
    assert '`size` must be in pixels if there is a `scale`' in capsys.readouterr().err


def test_mocks_have_the_pixels_of_the_instrument(tmp_path):
    options = ['--redshift', '1', '--output', str(tmp_path / 'mock'), '--quiet']
    assert main(['observe', 'encounter_remnant', '--size', '0.96arcsec', *options]) == 0
    file = next((tmp_path / 'mock').glob('*.fits'))
    # Pixels of 0.03 arcsec.
    assert fits.getdata(file).shape == (32, 32)
