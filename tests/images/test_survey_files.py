"""Files as observatories and their users name, cut, compress and mix them."""

import gzip
import math

import numpy as np
import pytest
from astropy import units as u
from astropy.io import fits
from astropy.utils.exceptions import AstropyUserWarning

from astro_wgan.exceptions import ImageError
from astro_wgan.images import Layout, get_layout, read_image
from astro_wgan.images.layouts.quality_bits import quality_bits
from astro_wgan.images.layouts.siblings import find_sibling, match_name
from astro_wgan.images.reading import describe_image

SHAPE = (12, 15)
PIXELS = np.random.default_rng(1).normal(5, 1, size=SHAPE).astype(np.float32)
FLAGS = np.zeros(SHAPE, 'i4')
FLAGS[:3, 0] = 1, 2, 4


def plane(value, name=None, **cards):
    values = np.array(np.broadcast_to(value, SHAPE))
    values = values.astype('f4') if values.dtype.kind == 'f' else values
    return fits.ImageHDU(values, fits.Header(cards), name=name)


def write(path, *hdus, **primary):
    header = fits.Header()
    header.update(primary)
    fits.HDUList([fits.PrimaryHDU(header=header), *hdus]).writeto(path)
    return path


def masked_rows(image):
    return [] if image.mask is None else np.flatnonzero(image.mask[:, 0]).tolist()


def community_pipeline(folder, kind, chips, *, values=PIXELS, deviation=2.0):
    """An image of the pipeline of NOIRLab, and its weights and codes, each with some chips."""
    for letter, value in (('i', values), ('w', np.full(SHAPE, deviation**-2)), ('d', FLAGS)):
        hdus = [plane(value, chip) for chip in chips[letter]]
        write(folder / f'c4d_1_{kind}{letter}_r_v1.fits', *hdus, PLVER='V4.8', INSTRUME='DECam')
    return folder / f'c4d_1_{kind}i_r_v1.fits'


def test_calibrated_and_stacked_images_of_one_exposure_have_their_own_weights(tmp_path):
    chips = {'i': ['N1'], 'w': ['N1'], 'd': ['N1']}
    paths = [
        community_pipeline(tmp_path, kind, chips, deviation=k + 1.0)
        for k, kind in enumerate(('oo', 'os'))
    ]
    for k, (kind, path) in enumerate(zip(('oo', 'os'), paths, strict=True)):
        image = read_image(path)
        assert image.meta['LAYOUT'] == 'decam'
        assert np.allclose(image.uncertainty.array, k + 1)
        assert image.meta['HDUMASK'].startswith(f'c4d_1_{kind}d_r_v1.fits')
        assert masked_rows(image) == [0, 1, 2]


def test_a_chip_has_no_weight_of_another(tmp_path):
    chips = {'i': ['N1', 'N2'], 'w': ['N2'], 'd': ['N2', 'N1']}
    path = community_pipeline(tmp_path, 'oo', chips)
    with pytest.warns(AstropyUserWarning, match=r'oow.* has no extension of N1; it has: N2\. It'):
        image = read_image(path)
    assert image.uncertainty is None
    assert masked_rows(image) == [0, 1, 2]
    assert np.allclose(read_image(path, hdu='N2').uncertainty.array, 2)
    with pytest.raises(ImageError, match=r'oow_r_v1\.fits has no extension of N1; it has: N2'):
        read_image(path, layout='decam')
    with pytest.raises(ImageError, match='has no extension of N1'):
        read_image(path, layout=None, weight=tmp_path / 'c4d_1_oow_r_v1.fits')
    # An extension with the name of no chip is for each.
    stars = write(tmp_path / 'stars.fits', plane(FLAGS, 'STARS'))
    for hdu in ('N1', 'N2'):
        image = read_image(path, layout=None, hdu=hdu, mask=stars, bits=2)
        assert masked_rows(image) == [1]


def test_extensions_that_are_given_by_name_are_those_of_the_chip(tmp_path):
    hdus = []
    for k in (1, 2):
        hdus += [plane(PIXELS, 'SCI'), plane(float(k), 'ERR'), plane(FLAGS * (k == 2), 'DQ')]
        for each in hdus[-3:]:
            each.ver = k
    path = write(tmp_path / 'x_flc.fits', *hdus)
    image = read_image(path, hdu=('SCI', 2), layout=None, mask='DQ', bits=7, uncertainty='ERR')
    assert masked_rows(image) == [0, 1, 2]
    assert np.allclose(image.uncertainty.array, 2)
    other = read_image(path, hdu=('SCI', 2), layout=None, uncertainty=('ERR', 1))
    assert np.allclose(other.uncertainty.array, 1)
    # An image without name and version is for each chip.
    fits.PrimaryHDU(np.arange(12)[:, np.newaxis] + 0 * PIXELS).writeto(tmp_path / 'weight.fits')
    weighted = read_image(path, hdu=('SCI', 2), layout=None, weight=tmp_path / 'weight.fits')
    assert masked_rows(weighted) == [0]
    with pytest.raises(ImageError, match='`uncertainty` must not be the image itself'):
        read_image(path, uncertainty='SCI')


def archive(calibration, *, number=7, name='PhotoCalib'):
    """Tables of the software of Rubin: an index, and that of a calibration."""
    texts = np.array([('SkyWcs', 1, 1), (name, number, 2)], dtype='U64,i4,i4')
    index = fits.BinTableHDU.from_columns(
        [
            fits.Column('id', 'J', array=texts['f1']),
            fits.Column('cat.archive', 'J', array=texts['f2']),
            *(fits.Column(key, 'J', array=[0, 0]) for key in ('cat.persistable', 'row0')),
            fits.Column('name', '64A', array=texts['f0']),
        ]
    )
    index.header.update({'EXTTYPE': 'ARCHIVE_INDEX', 'AR_CATN': 0})
    columns = [fits.Column('flags', 'X', array=np.array([[True]]))]
    columns += [
        fits.Column(key, 'J' if key == 'version' else 'D', array=[value])
        for key, value in calibration.items()
    ]
    table = fits.BinTableHDU.from_columns(columns)
    table.header.update({'EXTTYPE': 'ARCHIVE_DATA', 'AR_CATN': 2, 'AR_NAME': name})
    return [index, table]


def rubin(path, *tables, unit='', **cards):
    hdus = plane(PIXELS, 'IMAGE', BUNIT=unit), plane(FLAGS, 'MASK'), plane(4.0, 'VARIANCE')
    return write(path, *hdus, *tables, **cards)


@pytest.mark.parametrize(
    ('calibration', 'name', 'expected'),
    [
        # A value of 1 is 100 nJy: 31.4 - 5 mag.
        ({'calibrationMean': 100.0, 'version': 1}, 'PhotoCalib', 26.4),
        # Files before version 1 are in maggies.
        ({'calibrationMean': 1e-9}, 'PhotoCalib', 22.5),
        ({'fluxmag0': 10**10.8}, 'Calib', 27.0),
    ],
)
def test_the_calibration_of_rubin_in_a_table(tmp_path, calibration, name, expected):
    tables = archive(calibration, name=name)
    path = rubin(tmp_path / 'calexp.fits', *tables, **{'HIERARCH PHOTOCALIB_ID': 7})
    image = read_image(path)
    assert image.meta['LAYOUT'] == 'rubin'
    assert image.meta['ABZERO'] == pytest.approx(expected, abs=1e-6)
    # It is that of the table, not of an outdated card.
    cards = {'HIERARCH ARCHIVE_ID_PHOTOCALIB': 7, 'FLUXMAG0': 1.0}
    path = rubin(tmp_path / 'hsc.fits', *tables, **cards)
    image = read_image(path)
    assert image.meta['LAYOUT'] == 'hsc'
    assert image.meta['ABZERO'] == pytest.approx(expected, abs=1e-6)
    path = rubin(tmp_path / 'visit.fits', *tables, unit='nJy', **{'HIERARCH PHOTOCALIB_ID': 7})
    assert 'ABZERO' not in read_image(path).meta


@pytest.mark.parametrize(
    ('calibration', 'number'),
    [
        ({'calibrationMean': 0.0, 'version': 1}, 7),
        ({'calibrationMean': math.nan, 'version': 1}, 7),
        ({'calibrationMean': math.inf, 'version': 1}, 7),
        ({'calibrationMean': -1.0}, 7),
        ({'mean': 1.0}, 7),
        ({'calibrationMean': 1.0}, 8),
    ],
)
def test_a_calibration_that_cannot_be_read(tmp_path, calibration, number):
    cards = {'HIERARCH PHOTOCALIB_ID': number}
    path = rubin(tmp_path / 'calexp.fits', *archive(calibration), **cards)
    with pytest.warns(AstropyUserWarning, match='no zero point: its PhotoCalib cannot be read'):
        image = read_image(path)
    assert 'ABZERO' not in image.meta


def test_cutouts_of_the_legacy_surveys(tmp_path):
    cube = np.stack([PIXELS, PIXELS + 1, PIXELS + 2])
    header = {'SURVEY': 'LegacySurvey', 'VERSION': 'DR9', 'BANDS': 'grz'}
    flags = np.zeros(SHAPE, 'i2')
    flags[:9, 0] = 1 << np.arange(9)
    hdus = [
        fits.PrimaryHDU(cube, fits.Header({**header, 'IMAGETYP': 'IMAGE'})),
        fits.ImageHDU(0 * cube + 0.25, fits.Header({**header, 'IMAGETYP': 'INVVAR'})),
        fits.ImageHDU(flags, fits.Header({**header, 'IMAGETYP': 'MASKBITS'})),
    ]
    fits.HDUList(hdus).writeto(tmp_path / 'cutout.fits')
    for k in range(3):
        image = read_image(tmp_path / 'cutout.fits', plane=k)
        assert image.meta['LAYOUT'] == 'legacy-cutout'
        assert image.unit == u.nmgy
        assert np.array_equal(image.data, PIXELS + k)
        assert np.allclose(image.uncertainty.array, 2)
        # SATUR and ALLMASK of g, r and z.
        assert masked_rows(image) == [2, 3, 4, 5, 6, 7]


def test_subimages_of_the_legacy_surveys_have_the_weights_of_their_band(tmp_path):
    hdus = []
    for k, band in enumerate('gr'):
        cards = {'SURVEY': 'LegacySurvey', 'BAND': band}
        hdus += [
            plane(PIXELS + k, **cards, IMAGETYP='image'),
            plane((k + 1.0) ** -2, **cards, IMAGETYP='invvar'),
        ]
    path = write(tmp_path / 'subimage.fits', *hdus)
    assert np.allclose(read_image(path).uncertainty.array, 1)
    assert np.allclose(read_image(path, hdu=3).uncertainty.array, 2)


def test_an_image_without_compression_has_compressed_weights(tmp_path):
    path = community_pipeline(tmp_path, 'oo', dict.fromkeys('iwd', ('N1',)))
    for letter in 'wd':
        plain = tmp_path / f'c4d_1_oo{letter}_r_v1.fits'
        with fits.open(plain) as hdulist:
            kinds = {'compression_type': 'GZIP_2', 'quantize_level': 0}
            packed = fits.CompImageHDU(hdulist[1].data, name='N1', **kinds)
            fits.HDUList([fits.PrimaryHDU(), packed]).writeto(f'{plain}.fz')
        plain.unlink()
    image = read_image(path)
    assert np.allclose(image.uncertainty.array, 2)
    assert masked_rows(image) == [0, 1, 2]


def test_warps_of_pan_starrs_have_their_weights(tmp_path):
    name = 'rings.v3.skycell.0812.010.wrp.g.55220_21543'
    write(tmp_path / f'{name}.wt.fits', plane(4.0))
    write(tmp_path / f'{name}.mask.fits', plane(FLAGS, MSKNAM00='SAT', MSKVAL00=2))
    image = read_image(write(tmp_path / f'{name}.fits', plane(PIXELS, EXPTIME=40.0)))
    assert np.allclose(image.uncertainty.array, 2)
    assert masked_rows(image) == [1]


def test_renamed_images_are_known_by_their_header(tmp_path):
    cards = {'LEGPIPEV': 'DR9.6.7', 'IMTYPE': 'image', 'BUNIT': 'nanomaggy'}
    image = read_image(write(tmp_path / 'mine.fits', plane(PIXELS, 'IMAGE_r', **cards)))
    assert image.meta['LAYOUT'] == 'legacy'
    lines = '\n'.join(describe_image(image))
    assert 'not found: legacysurvey-{brick}-maskbits.fits*, legacysurvey-' in lines
    cards = {'PSCAMERA': 'GPC1', 'HIERARCH FPA.ZP': 24.6, 'EXPTIME': 40.0}
    image = read_image(write(tmp_path / 'warp.fits', plane(PIXELS, **cards)))
    assert image.meta['LAYOUT'] == 'panstarrs'
    assert image.meta['ABZERO'] == pytest.approx(24.6 + 2.5 * np.log10(40))


def test_maggies_of_vega_are_no_maggies(tmp_path):
    cards = {'LEGPIPEV': 'x', 'IMTYPE': 'image', 'MAGSYS': 'Vega', 'BUNIT': 'nanomaggy'}
    path = write(tmp_path / 'w1.fits', plane(PIXELS, **cards))
    with pytest.warns(AstropyUserWarning, match='maggies of the Vega system are not AB'):
        assert read_image(path).unit is u.dimensionless_unscaled
    path = write(tmp_path / 'vega.fits', plane(PIXELS, PHOTSYS='VEGA', ZP=25.0))
    with pytest.warns(AstropyUserWarning, match='its magnitudes are of the Vega system, not AB'):
        assert 'ABZERO' not in read_image(path, layout=Layout('mine', zero_point='ZP')).meta


def test_files_beside_siblings_that_are_no_siblings(tmp_path):
    path = write(tmp_path / 'KiDS_1_r_sci.fits', plane(PIXELS))
    for end, value in (('wei', 2.0), ('msk', FLAGS)):
        write(tmp_path / f'KiDS_1_r_{end}.fits', plane(value))
    for end in ('fits.md5', 'fits.sha1', 'fits~', 'fits.txt'):
        (tmp_path / f'KiDS_1_r_wei.{end}').write_text('no image')
    plain = tmp_path / 'KiDS_1_r_wei.fits'
    (tmp_path / 'KiDS_1_r_wei.fits.gz').write_bytes(gzip.compress(plain.read_bytes()))
    assert find_sibling(path, 'KiDS_{tile}_wei.fits*', {'tile': '1_r'}) == plain
    assert read_image(path).meta['HDUWHT'].startswith('KiDS_1_r_wei.fits[')
    plain.unlink()
    assert read_image(path).meta['HDUWHT'].startswith('KiDS_1_r_wei.fits.gz[')


@pytest.mark.parametrize(
    ('name', 'words'),
    [
        ('a_osi_b.fits', {'exposure': 'a', 'kind': 's', 'rest': 'b.fits'}),
        ('a_osd_i_b.fits', None),
        ('a_oxi_b.fits', None),
    ],
)
def test_a_word_may_be_one_of_several_texts(name, words):
    assert match_name(['{exposure}_o{kind=o,p,s}i_{rest}'], name) == words


def test_bits_as_text_and_beyond_those_of_a_mask():
    hdulist = fits.HDUList([fits.PrimaryHDU(), plane(PIXELS, 'SCI'), plane(FLAGS, 'DQ')])
    assert masked_rows(read_image(hdulist, bits='2')) == [1]
    assert masked_rows(read_image(hdulist, bits=['1', '4'])) == [0, 2]
    image = read_image(hdulist, bits=~(1 | 4))
    assert masked_rows(image) == [1]
    assert image.meta['HDUMASK'].endswith(': all but bits 0, 2')
    for bits in (2**32, 2**70, '8589934592'):
        with pytest.raises(ImageError, match='DQ has 32 bits, none of which is one of `bits`; got'):
            read_image(hdulist, bits=bits)
    with pytest.raises(ImageError, match='`mask` has 8 bits, none of which is one of `bits`'):
        read_image(PIXELS, mask=FLAGS.astype('u1'), bits=256)


def test_names_of_bits_with_words_that_no_file_name_has():
    mask = plane(FLAGS, 'MASKBITS')
    layout = get_layout('legacy')
    found = quality_bits(mask, bits=layout.bits, planes=layout.planes)
    assert found.bad == sum(1 << bit for name, bit in layout.planes.items())
    known = quality_bits(mask, bits=layout.bits, planes=layout.planes, words={'band': 'r'})
    assert known.text == 'SATUR_R, ALLMASK_R'


@pytest.mark.parametrize('value', [0.0, -1.0, np.nan, np.inf])
def test_an_uncertainty_that_is_given_must_be_one(tmp_path, value):
    write(tmp_path / 'noise.fits', plane(value))
    hdulist = fits.HDUList([fits.PrimaryHDU(), plane(PIXELS, 'SCI'), plane(value, 'MINE')])
    for given in (np.full(SHAPE, value), tmp_path / 'noise.fits', 'MINE'):
        with pytest.raises(ImageError, match='`uncertainty` must be above 0 and finite somewhere'):
            read_image(hdulist, uncertainty=given)


def test_a_mask_of_good_pixels_is_told_what_to_do():
    hdulist = fits.HDUList([fits.PrimaryHDU(), plane(PIXELS, 'SCI'), plane(1, 'MASK')])
    with pytest.raises(ImageError, match=r'according to MASK\. If a mask marks good pixels'):
        read_image(hdulist)


@pytest.mark.parametrize(
    ('name', 'value', 'far'),
    [
        # A standard deviation of 0.01 is that of the pixels.
        ('ERR', 0.01, None),
        ('VAR', 1e-4, None),
        ('IVAR', 1e4, None),
        ('ERR', 1e-4, 'more than 30 times'),
        ('ERR', 1e4, 'less than a tenth of'),
        ('IVAR', 1e-4, 'less than a tenth of'),
        ('VAR', 1e4, 'less than a tenth of'),
    ],
)
def test_an_uncertainty_of_another_kind_than_its_name_says(recwarn, name, value, far):
    pixels = np.random.default_rng(3).normal(5, 0.01, size=(40, 50)).astype('f4')
    hdus = [fits.ImageHDU(pixels, name='SCI'), fits.ImageHDU(0 * pixels + value, name=name)]
    hdulist = fits.HDUList([fits.PrimaryHDU(), *hdus])
    if far is None:
        read_image(hdulist)
        assert not recwarn.list
    else:
        with pytest.warns(AstropyUserWarning, match=f'{name} is read as .* is {far} the standard'):
            read_image(hdulist)


def test_a_mask_that_is_given_and_masks_nothing_is_named(tmp_path):
    cards = {'LEGPIPEV': 'DR9', 'IMTYPE': 'image', 'BUNIT': 'nanomaggy'}
    path = write(tmp_path / 'mine.fits', plane(PIXELS, 'IMAGE_r', **cards))
    # In the layout of the image, bit 0 is no defect.
    stars = write(tmp_path / 'stars.fits', plane(np.minimum(FLAGS, 1), 'STARS'))
    with pytest.warns(AstropyUserWarning, match='`mask` masks nothing: stars'):
        assert read_image(path, mask=stars).mask is None
    assert masked_rows(read_image(path, mask=stars, bits=-1)) == [0, 1, 2]
