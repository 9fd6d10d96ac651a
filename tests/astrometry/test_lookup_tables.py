"""Distortions given as tables (CPDIS, D2IM), to a milliarcsecond, wherever stamps go."""

import numpy as np
import pytest
from astropy.io import fits
from astropy.nddata import CCDData, Cutout2D
from astropy.utils.exceptions import AstropyUserWarning
from astropy.wcs import WCS, DistortionLookupTable

from astro_wgan.astrometry.lookup_tables import (
    cutout_wcs,
    moved_wcs,
    plain_tables,
    with_plain_tables,
)
from astro_wgan.astrometry.sky_coordinates import pixel_to_sky
from astro_wgan.images import read_image
from astro_wgan.stamps import StampSet
from astro_wgan.store import StampStore

SHAPE = (400, 500)
POSITIONS = np.array([(130.2, 310.7), (402.5, 88.1)])


def make_wcs(kind):
    wcs = WCS(naxis=2)
    wcs.wcs.ctype = ('RA---TAN-SIP', 'DEC--TAN-SIP') if kind == 'all' else ('RA---TAN', 'DEC--TAN')
    wcs.wcs.crval = 150, 2
    wcs.wcs.crpix = 250, 200
    wcs.wcs.cdelt = -0.05 / 3600, 0.05 / 3600
    y, x = np.mgrid[:32, :40]
    shift = (0.3 * np.sin(x / 6) * np.cos(y / 8)).astype('f4')
    if kind == 'all':
        header = wcs.to_header(relax=True)
        header.update({'A_ORDER': 2, 'B_ORDER': 2, 'A_2_0': 1e-5, 'B_1_1': -2e-5})
        wcs = WCS(header)
    # On the whole image, as the tables of HST are.
    places = (1.0, 1.0), (1.0, 1.0), (499 / 39, 399 / 31)
    names = {'CPDIS': ('cpdis1', 'cpdis2'), 'D2IM': ('det2im1', 'det2im2')}
    for name in names.get(kind, sum(names.values(), ())):
        setattr(wcs, name, DistortionLookupTable(shift * (1 + len(name) % 3), *places))
    return wcs


def make_image(kind):
    pixels = np.random.default_rng(0).normal(size=SHAPE).astype('f4')
    return CCDData(pixels, unit='adu', wcs=make_wcs(kind))


@pytest.fixture(params=['CPDIS', 'D2IM', 'all'])
def image(request):
    return make_image(request.param)


def error_in_mas(image, stamps, *, wcs=None):
    """How far pixels of stamps are from where the WCS of the image has them."""
    x, y = np.random.default_rng(1).uniform(0, 20, (2, 9))
    apart = []
    for k, own in enumerate(stamps.wcs if wcs is None else wcs):
        corner = stamps.geometry.corner[k]
        right = pixel_to_sky(x + corner[0], y + corner[1], image.wcs)
        apart.append(pixel_to_sky(x, y, own).separation(right).mas.max())
    return max(apart)


def test_the_tables_are_seen_at_all(image):
    stamps = StampSet.from_image(image, size=21, positions=POSITIONS)
    plain = [Cutout2D(image.data, tuple(p), 21, wcs=image.wcs).wcs for p in POSITIONS]
    for wcs in plain:
        wcs.cpdis1 = wcs.cpdis2 = wcs.det2im1 = wcs.det2im2 = None
    assert error_in_mas(image, stamps, wcs=plain) > 3


def test_stamps_have_the_distortion_of_their_place(image, tmp_path):
    stamps = StampSet.from_image(image, size=21, positions=POSITIONS)
    assert error_in_mas(image, stamps) < 1e-3
    assert error_in_mas(image, stamps[1]) < 1e-3
    assert error_in_mas(image, stamps.crop(13)) < 1e-3
    assert error_in_mas(image, stamps, wcs=[ccd.wcs for ccd in stamps.to_ccddata()]) < 1e-3
    StampStore.from_stamps(tmp_path / 'stamps.zarr', stamps).close()
    assert error_in_mas(image, StampStore.open(tmp_path / 'stamps.zarr')[:]) < 1e-3


def test_positions_on_the_sky_are_found_through_tables(image):
    sky = pixel_to_sky(*POSITIONS.T, image.wcs)
    table = StampSet.from_image(image, size=21, positions=sky).table
    found = np.stack([table['x'].value, table['y'].value], axis=1)
    assert found == pytest.approx(POSITIONS, abs=1e-3)


def test_cutouts_go_and_come_with_their_tables(image):
    stamps = StampSet.from_image(image, size=21, positions=POSITIONS)
    cutouts = stamps.to_cutout2d()
    assert error_in_mas(image, stamps, wcs=[cutout.wcs for cutout in cutouts]) < 1e-3
    assert error_in_mas(image, StampSet.from_cutouts(cutouts)) < 1e-3
    parts = [read_image(cutout).wcs for cutout in cutouts]
    assert error_in_mas(image, stamps, wcs=parts) < 1e-3


def test_cutouts_of_astropy_are_put_right(image):
    cutouts = [Cutout2D(image.data, tuple(p), 21, wcs=image.wcs) for p in POSITIONS]
    stamps = StampSet.from_cutouts(cutouts)
    assert error_in_mas(image, stamps) < 1e-3
    assert error_in_mas(image, stamps, wcs=[cutout_wcs(cutout) for cutout in cutouts]) < 1e-3
    parts = [read_image(cutout).wcs for cutout in cutouts]
    assert error_in_mas(image, stamps, wcs=parts) < 1e-3


def test_padded_stamps_and_binned_ones_are_resampled_by_the_tables(image):
    y, x = np.mgrid[: SHAPE[0], : SHAPE[1]]
    star = POSITIONS[0]
    image.data[:] = np.exp(-((x - star[0]) ** 2 + (y - star[1]) ** 2) / 18)
    sky = pixel_to_sky(*star, image.wcs)
    stamps = StampSet.from_image(image, size=41, positions=POSITIONS[:1])
    for options in ({'size': 61}, {'size': 20, 'pixel_scale': 2 * stamps.pixel_scale}):
        aligned = stamps.reproject(**options)
        light = aligned.filled(0)[0]
        rows, columns = np.indices(light.shape)
        x, y = (light * columns).sum() / light.sum(), (light * rows).sum() / light.sum()
        assert pixel_to_sky(x, y, aligned.wcs[0]).separation(sky).mas < 2


def test_written_files_hold_the_tables(image, tmp_path):
    stamps = StampSet.from_image(image, size=21, positions=POSITIONS)
    read = read_image(image)
    stamp = stamps.to_ccddata()[1]
    for number, (ccd, corner) in enumerate([(read, (0, 0)), (stamp, stamps.geometry.corner[1])]):
        path = tmp_path / f'{number}.fits'
        ccd.write(path)
        again = read_image(path)
        right = pixel_to_sky(7 + corner[0], 11 + corner[1], image.wcs)
        assert pixel_to_sky(7, 11, again.wcs).separation(right).mas < 1e-3
        with fits.open(path) as hdus:
            by_astropy = WCS(hdus[0].header, hdus).pixel_to_world(7, 11)
        assert by_astropy.separation(right).mas < 1e-3


def test_tables_that_are_not_in_the_file_are_left_out_with_a_warning(tmp_path):
    read_image(make_image('all')).write(tmp_path / 'image.fits')
    hdu = fits.PrimaryHDU(
        fits.getdata(tmp_path / 'image.fits'), fits.getheader(tmp_path / 'image.fits')
    )
    with pytest.warns(AstropyUserWarning, match='tables of distortion .* are not in the file'):
        image = read_image(hdu)
    assert image.wcs.sip is not None
    assert image.wcs.cpdis1 is None
    assert not [key for key in image.meta if key.startswith(('CPDIS', 'DP', 'D2IM'))]


@pytest.mark.parametrize('axis', [1, 2])
def test_corrections_of_columns_are_read_as_older_files_of_hst_have_them(axis, tmp_path):
    plain = make_wcs('D2IM')
    plain.det2im1 = plain.det2im2 = None
    image = fits.ImageHDU(np.random.default_rng(0).normal(size=SHAPE), plain.to_header())
    image.header.update({'D2IMEXT': 'table.fits', 'AXISCORR': axis})
    table = fits.ImageHDU(np.full(SHAPE[2 - axis], 0.5, dtype='f4'), name='D2IMARR')
    fits.HDUList([fits.PrimaryHDU(), image, table]).writeto(tmp_path / 'a.fits')

    found = read_image(tmp_path / 'a.fits')

    # Half a pixel along the axis of the correction.
    x, y = 0.5 * (axis == 1), 0.5 * (axis == 2)
    right = pixel_to_sky(np.array([100 + x, 7 + x]), np.array([50 + y, 90 + y]), plain)
    assert pixel_to_sky([100, 7], [50, 90], found.wcs).separation(right).mas.max() < 0.01
    found.write(tmp_path / 'b.fits')
    again = read_image(tmp_path / 'b.fits')
    assert pixel_to_sky([100, 7], [50, 90], again.wcs).separation(right).mas.max() < 0.01


def test_the_tables_of_the_image_stay_where_they_are():
    wcs = make_wcs('CPDIS')
    part = moved_wcs(wcs, (3, 4))
    assert part.cpdis1.crval.tolist() == [-2, -3]
    assert wcs.cpdis1.crval.tolist() == [1, 1]


@pytest.mark.parametrize(
    'change', [{'data': 'AAAA'}, {'data': '?'}, {'shape': [-1, 7]}, {'crval': [1]}, {'cdelt': None}]
)
def test_damaged_tables_are_refused(change):
    tables = plain_tables(make_wcs('CPDIS'))
    assert with_plain_tables(WCS(naxis=2), tables).cpdis2 is not None
    tables['cpdis1'] |= change
    with pytest.raises(ValueError, match="lookup table 'cpdis1' of a WCS is damaged"):
        with_plain_tables(WCS(naxis=2), tables)
    with pytest.raises(ValueError, match="no lookup table 'sip'"):
        with_plain_tables(WCS(naxis=2), {'sip': tables['cpdis2']})
