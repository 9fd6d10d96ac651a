"""What is told of the field of a hunt."""

import pytest

from astro_wgan import HuntConfig
from astro_wgan.hunting.hunt_summary import describe_field
from astro_wgan.neighbors import NeighborConfig

ONE = [{'source': '/data/field.fits', 'image': '1 SCI (9 x 9)', 'layout': 'general'}]
THREE = [
    {'band': band, 'source': f'/data/{band}.fits', 'layout': 'kids', 'weight': '2 WHT'}
    for band in 'gri'
]


@pytest.mark.parametrize(
    ('images', 'config', 'said'),
    [
        (ONE, {}, 'Image: field.fits.'),
        (
            THREE,
            {'detect_in': 'r', 'sky': 'subtract'},
            '3 bands: g (g.fits), r (r.fits), i (i.fits). Layout: kids. Weight: 2 WHT. Sources are '
            'detected in r. The background is subtracted.',
        ),
        (
            ONE,
            {'neighbors': 'mask', 'stars': 'mask'},
            'Image: field.fits. Neighbors of the central source are masked. Point sources beside '
            'or on a galaxy are masked.',
        ),
        (
            ONE,
            {'neighbors': NeighborConfig('replace', stars='mask')},
            'Image: field.fits. Neighbors of the central source are replaced by sky. Point '
            'sources beside or on a galaxy are masked.',
        ),
    ],
)
def test_a_field_is_described_by_what_is_not_the_default(images, config, said):
    assert ' '.join(describe_field(images, HuntConfig(**config), is_detected=True)) == said


def test_positions_are_said_to_be_given():
    config = HuntConfig()
    assert 'Stamps are cut at given positions.' in describe_field(ONE, config, is_detected=False)
