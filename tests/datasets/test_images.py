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


@pytest.mark.parametrize('name', datasets.image_names())
def test_each_image_loads_with_its_credit(name):
    image = datasets.load_image(name)
    assert image.data.ndim == 2
    assert np.isfinite(image.data).all()
    assert image.meta['credit'] == datasets.image_info(name).credit
    assert datasets.image_info(name).license


def test_mock_image_has_a_celestial_wcs():
    assert datasets.load_image('mock_f814w').wcs.has_celestial


def mock_table(extension):
    return QTable.read(datasets.image_path('mock_f814w'), hdu=extension)


def test_sources_of_the_mock_image_have_their_tabulated_magnitudes():
    """Of small, isolated sources, whose light is within the aperture."""
    image, truth = datasets.load_image('mock_f814w'), mock_table('TRUTH')
    assert image.unit == u.electron / u.s
    x, y, magnitude = (truth[name].value for name in ('x', 'y', 'magnitude'))
    near = np.hypot(x - x[:, np.newaxis], y - y[:, np.newaxis]) < 48
    contaminating = near & (magnitude < magnitude[:, np.newaxis] + 2.5)
    isolated = (contaminating.sum(axis=1) == 1) & (truth['radius'].value < 0.5) & (magnitude < 25.2)
    assert isolated.sum() >= 3
    flux, _, _ = sep.sum_circle(image.data.astype(float), x[isolated], y[isolated], 25.0)
    measured = image.meta['MAGZERO'] - 2.5 * np.log10(flux)
    np.testing.assert_allclose(measured, magnitude[isolated], atol=0.25)


def test_psf_of_the_mock_image_matches_its_stars():
    image, truth = datasets.load_image('mock_f814w'), mock_table('TRUTH')
    with fits.open(datasets.image_path('mock_f814w')) as hdulist:
        psf = hdulist['PSF'].data.astype(float)
    assert psf.sum() == pytest.approx(1, abs=1e-6)
    # The brightest star; stars have a radius of 0.
    star = truth[truth['radius'] == 0][0]
    x, y = (star[name].value for name in 'xy')
    radii = np.arange(1, 8)
    grown = [sep.sum_circle(image.data.astype(float), [x], [y], [r])[0][0] for r in radii]
    expected = [sep.sum_circle(psf, [30.0], [30.0], [r])[0][0] for r in radii]
    np.testing.assert_allclose(
        np.divide(grown, grown[-1]), np.divide(expected, expected[-1]), atol=0.03
    )


def test_mock_image_is_reproduced_by_its_script():
    pytest.importorskip('galsim')
    path = Path(__file__).parents[2] / 'benchmarks' / 'bundled' / 'mock_f814w.py'
    made = runpy.run_path(str(path))
    image = made['make']()[0].data
    noise = np.sqrt(made['cosmos_covariance']().max())
    bundled = datasets.load_image('mock_f814w').data
    np.testing.assert_allclose(image, bundled, rtol=0, atol=made['TOLERANCE'] * noise)


def test_each_bundled_file_is_documented():
    folder = files('astro_wgan.datasets') / 'data'
    documented = (folder / 'README.rst').read_text()
    for each in folder.iterdir():
        if each.name == 'README.rst':
            continue
        # The three bands of a light map have one entry.
        name = re.sub('_[gri].fits$', '_g.fits', each.name)
        assert name in documented or name.removesuffix('_g.fits') in documented


def test_error_for_a_former_image_names_its_replacement():
    with pytest.raises(
        ValueError, match=r"'hst_cosmos_f814w' no longer .*use 'mock_f814w', a simul"
    ):
        datasets.load_image('hst_cosmos_f814w')


def test_error_for_an_unknown_image_lists_the_images():
    with pytest.raises(ValueError, match=r"one of \['hubble_xdf', 'mock_f814w'.*got 'andromeda'"):
        datasets.image_path('andromeda')
