"""Configurations of the removal of neighbors."""

import pytest
from astropy import units as u

from astro_wgan.detection import DetectionConfig
from astro_wgan.neighbors import NeighborConfig
from astro_wgan.neighbors.neighbor_config import as_neighbor_config


@pytest.mark.parametrize(
    ('options', 'message'),
    [
        ({'neighbors': 'drop'}, "`neighbors` must be 'keep', 'mask' or 'replace'; got 'drop'"),
        ({'stars': 'replace'}, "`stars` must be 'keep' or 'mask'; got 'replace'"),
        ({'engine': 'sextractor'}, '`engine` must be one of'),
        ({'detection': 1.5}, '`detection` must be a DetectionConfig, or None; got 1.5'),
        ({'margin': -1}, '`margin` must be 0 or more; got -1'),
        ({'wings': float('nan')}, '`wings` must be 0 or more; got nan'),
        ({'margin': '2'}, "`margin` must be a number of pixels; got '2'"),
        ({'psf_fwhm': 0}, '`psf_fwhm` must lie between 0.5 and 100 pixels; got 0'),
        ({'psf_fwhm': 650}, '`psf_fwhm` must lie between 0.5 and 100 pixels; got 650'),
        ({'psf_fwhm': 0.6 * u.arcsec}, '`psf_fwhm` must be .* divide an angle by the pixel scale'),
        ({'saturation': 5 * u.nJy}, '`saturation` must be a number in the unit of the image'),
        ({'saturation': -1}, '`saturation` must be above 0; got -1'),
        ({'deblend': 'yes'}, "`deblend` must be True or False; got 'yes'"),
        ({'star_significance': -2}, '`star_significance` must be above 0'),
        ({'star_tolerance': 1.5}, '`star_tolerance` must lie between 0 and 1; got 1.5'),
        ({'seed': -1}, '`seed` must be an integer of 0 or more'),
    ],
)
def test_values_out_of_range(options, message):
    with pytest.raises(ValueError, match=message):
        NeighborConfig(**options)


def test_a_text_becomes_a_configuration_and_stars_are_added():
    assert as_neighbor_config('mask', 'mask') == NeighborConfig('mask', stars='mask')
    config = NeighborConfig('replace', deblend=True)
    assert as_neighbor_config(config) is config
    assert as_neighbor_config(config, 'mask') == NeighborConfig('replace', 'mask', deblend=True)
    with pytest.raises(ValueError, match='`neighbors` must be'):
        as_neighbor_config(None)


def test_deblending_is_off_unless_it_is_wanted():
    given = DetectionConfig(3, deblend_contrast=0.1)
    assert NeighborConfig().detection_or(given) == DetectionConfig(3, deblend_contrast=1)
    assert NeighborConfig(deblend=True).detection_or(given) is given
    assert NeighborConfig(detection=given).detection_or(None).threshold == 3


def test_whether_there_is_anything_to_do():
    assert not NeighborConfig('keep').is_needed
    assert NeighborConfig('keep', stars='mask').is_needed
    assert NeighborConfig().is_needed
