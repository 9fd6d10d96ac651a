import re
import runpy
from importlib.resources import files
from pathlib import Path

import numpy as np
import pytest
import sep
from astropy import units as u
from astropy.io import fits
from astropy.table import QTable

from astro_wgan import datasets


@pytest.mark.parametrize('name', datasets.names())
def test_each_image_loads_with_its_credit(name):
    image = datasets.load_image(name)
    assert image.data.ndim == 2
    assert np.isfinite(image.data).all()
    assert image.meta['credit'] == datasets.describe(name).credit
    assert datasets.describe(name).licence


def test_the_mock_image_has_its_sky_coordinates():
    assert datasets.load_image('mock_f814w').wcs.has_celestial


def of_the_mock(extension):
    return QTable.read(datasets.image_path('mock_f814w'), hdu=extension)


def test_sources_of_the_mock_image_are_as_bright_as_its_table_says():
    """Small ones, beside which there is nothing nearly as bright: a circle holds their light."""
    image, truth = datasets.load_image('mock_f814w'), of_the_mock('TRUTH')
    assert image.unit == u.electron / u.s
    x, y, magnitude = (truth[name].value for name in ('x', 'y', 'magnitude'))
    near = np.hypot(x - x[:, np.newaxis], y - y[:, np.newaxis]) < 48
    disturbing = near & (magnitude < magnitude[:, np.newaxis] + 2.5)
    alone = (disturbing.sum(axis=1) == 1) & (truth['radius'].value < 0.5) & (magnitude < 25.2)
    assert alone.sum() >= 3
    flux, _, _ = sep.sum_circle(image.data.astype(float), x[alone], y[alone], 25.0)
    measured = image.meta['MAGZERO'] - 2.5 * np.log10(flux)
    np.testing.assert_allclose(measured, magnitude[alone], atol=0.25)


def test_the_psf_of_the_mock_image_is_that_of_its_stars():
    image, truth = datasets.load_image('mock_f814w'), of_the_mock('TRUTH')
    with fits.open(datasets.image_path('mock_f814w')) as hdulist:
        psf = hdulist['PSF'].data.astype(float)
    assert psf.sum() == pytest.approx(1, abs=1e-6)
    # Of the stars with an index that is unknown, the brightest one.
    star = truth[truth['radius'] == 0][0]
    x, y = (star[name].value for name in 'xy')
    radii = np.arange(1, 8)
    grown = [sep.sum_circle(image.data.astype(float), [x], [y], [r])[0][0] for r in radii]
    expected = [sep.sum_circle(psf, [30.0], [30.0], [r])[0][0] for r in radii]
    np.testing.assert_allclose(
        np.divide(grown, grown[-1]), np.divide(expected, expected[-1]), atol=0.03
    )


def test_the_mock_image_is_what_its_command_makes():
    pytest.importorskip('galsim')
    path = Path(__file__).parents[2] / 'benchmarks' / 'bundled' / 'mock_f814w.py'
    made = runpy.run_path(str(path))
    image = made['make']()[0].data
    noise = np.sqrt(made['cosmos_covariance']().max())
    bundled = datasets.load_image('mock_f814w').data
    np.testing.assert_allclose(image, bundled, rtol=0, atol=made['TOLERANCE'] * noise)


def test_the_origin_of_each_bundled_file_is_documented():
    folder = files('astro_wgan.datasets') / 'data'
    told = (folder / 'README.rst').read_text()
    for each in folder.iterdir():
        if each.name == 'README.rst':
            continue
        # The bands of a simulation are told by the first of them.
        name = re.sub('_[gri].fits$', '_g.fits', each.name)
        assert name in told or name.removesuffix('_g.fits') in told


def test_an_image_of_a_former_release_is_told_from_its_successor():
    with pytest.raises(ValueError, match=r"'hst_cosmos_f814w' no longer .*'mock_f814w', a simul"):
        datasets.load_image('hst_cosmos_f814w')


def test_unknown_name_lists_the_known_ones():
    with pytest.raises(ValueError, match=r"one of \['hubble_xdf', 'mock_f814w'.*got 'andromeda'"):
        datasets.image_path('andromeda')
