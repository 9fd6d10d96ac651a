"""Masks, weights and uncertainties that lie beside an image in its file."""

import numpy as np
import pytest
from astropy import units as u
from astropy.io import fits
from astropy.utils.exceptions import AstropyUserWarning

from astro_wgan.images import read_image
from astro_wgan.images.layouts.quality_bits import quality_bits

SHAPE = (12, 15)
PIXELS = np.random.default_rng(1).normal(5, 1, size=SHAPE).astype(np.float32)

#: Bits of Rubin's masks, as their software numbers them.
RUBIN = {
    'BAD': 0,
    'SAT': 1,
    'INTRP': 2,
    'CR': 3,
    'EDGE': 4,
    'DETECTED': 5,
    'DETECTED_NEGATIVE': 6,
    'SUSPECT': 7,
    'NO_DATA': 8,
    'SENSOR_EDGE': 13,
}


def plane(value, name, *, unit=None, **cards):
    header = fits.Header(cards)
    if unit is not None:
        header['BUNIT'] = unit
    values = np.broadcast_to(value, SHAPE)
    values = values.astype(np.float32) if values.dtype.kind == 'f' else values.copy()
    return fits.ImageHDU(values, header, name=name)


def bits(dtype='i4', **pixels):
    """A mask with one bit set in each of some pixels: the bit by ``_row``."""
    values = np.zeros(SHAPE, dtype=dtype)
    for name, bit in pixels.items():
        values[int(name[1:]), 0] |= np.array(1 << bit).astype(dtype)
    return values


def read(*hdus, **primary):
    header = fits.Header(primary)
    return read_image(fits.HDUList([fits.PrimaryHDU(header=header), *hdus]))


def masked_rows(image):
    return [] if image.mask is None else np.flatnonzero(image.mask[:, 0]).tolist()


@pytest.mark.parametrize('numbers', [RUBIN, {name: 14 - bit for name, bit in RUBIN.items()}])
def test_planes_of_a_mask_count_by_their_names(numbers):
    values = np.zeros(SHAPE, dtype='i4')
    for row, bit in enumerate(numbers.values()):
        values[row] = 1 << bit
    mask = plane(values, 'MASK', **{f'HIERARCH MP_{name}': bit for name, bit in numbers.items()})
    image = read(plane(PIXELS, 'IMAGE'), mask, plane(4.0, 'VARIANCE'))
    bad = {'BAD', 'SAT', 'CR', 'EDGE', 'SUSPECT', 'NO_DATA'}
    assert masked_rows(image) == [row for row, name in enumerate(numbers) if name in bad]
    assert np.allclose(image.uncertainty.array, 2)
    assert set(image.meta['HDUMASK'].split(': ')[1].split(', ')) == bad


def test_older_files_of_hsc_have_types_of_extensions():
    values = np.zeros(SHAPE, dtype='i4')
    values[:, 0] = 1 << np.arange(SHAPE[0])
    mask = plane(values, '', EXTTYPE='MASK', MP_BAD=1, MP_INTRP=2)
    hdus = plane(PIXELS, '', EXTTYPE='IMAGE'), mask, plane(4.0, '', EXTTYPE='VARIANCE')
    image = read(*reversed(hdus))
    assert np.array_equal(image.data, PIXELS)
    assert masked_rows(image) == [1]
    assert np.allclose(image.uncertainty.array, 2)


def test_planes_of_rubin_need_no_names():
    values = np.zeros(SHAPE, dtype='i4')
    values[:9, 0] = 1 << np.arange(9)
    image = read(plane(PIXELS, 'IMAGE'), plane(values, 'MASK'), plane(4.0, 'VARIANCE'))
    assert masked_rows(image) == [0, 1, 3, 4, 7, 8]


#: Of SPHEREx, as the mosaics of its archive leave them out or not.
SPHEREX = {'TRANSIENT': 0, 'NONFUNC': 6, 'DICHROIC': 7, 'HOT': 10, 'FULLSAMPLE': 12, 'SOURCE': 21}


@pytest.mark.parametrize(
    ('names', 'rows'),
    [
        (
            {'NO_DATA': 0, 'COSMIC_RAY': 1, 'DETECTED': 2, 'SATURATED': 3, 'INTERPOLATED': 5},
            [0, 1, 3],
        ),
        ({'DETECTION_EDGE': 9, 'NOT_DEBLENDED': 1, 'UNMASKED_NAN': 30, 'SUSPECT': 4}, [0, 2, 3]),
        (SPHEREX, [0, 1, 2, 3]),
    ],
)
def test_names_of_bits_stand_on_either_side(names, rows):
    values = np.zeros(SHAPE, dtype='i4')
    values[: len(names), 0] = [1 << bit for bit in names.values()]
    old = {f'HIERARCH MP_{name}': bit for name, bit in names.items()}
    new = {f'MSKN{bit:04d}': name for name, bit in names.items()}
    pan = {f'MSKNAM{k:02d}': name for k, name in enumerate(names)}
    pan |= {f'MSKVAL{k:02d}': 1 << bit for k, bit in enumerate(names.values())}
    # The value that Pan-STARRS masks is no bit.
    pan |= {'MSKNAM16': 'BAD', 'MSKVAL16': 0x217F}
    for cards in (old, new, pan):
        assert masked_rows(read(plane(PIXELS, 'IMAGE'), plane(values, 'MASK', **cards))) == rows


def test_a_mask_in_two_parts():
    parts = [
        plane(bits(_1=3), 'MASK', EXTVER=1, MSKN0003='NO_DATA'),
        plane(bits(_2=3, _4=4), 'MASK', EXTVER=2, MSKN0003='BAD', MSKN0004='DETECTED'),
    ]
    assert masked_rows(read(plane(PIXELS, 'IMAGE'), *parts)) == [1, 2]


@pytest.mark.parametrize(
    ('telescope', 'rows'), [('JWST', [1, 4]), ('ROMAN', [1, 4]), ('EUCLID', [1])]
)
def test_the_bit_that_sums_up_all_others_counts_alone(telescope, rows):
    values = bits(_1=0, _2=2, _3=30, _4=9)
    image = read(plane(PIXELS, 'SCI'), plane(values, 'DQ'), TELESCOP=telescope)
    assert masked_rows(image) == rows


def test_the_telescope_is_known_whatever_is_inherited():
    hdus = plane(PIXELS, 'SCI', INHERIT=False), plane(bits(_1=0, _2=2), 'DQ')
    image = read(*hdus, TELESCOP='JWST')
    assert 'TELESCOP' not in image.meta
    assert masked_rows(image) == [1]


def test_bits_may_be_floats():
    values = bits(_1=0, _2=1, _3=9, _4=2, _5=30).astype(float)
    values[6:10, 0] = np.nan, np.inf, 0.5, 1e300
    hdus = plane(PIXELS, 'SCI'), fits.ImageHDU(values, name='DQ')
    assert masked_rows(read(*hdus, TELESCOP='JWST')) == [1, 3, 6, 7, 8, 9]
    with pytest.warns(AstropyUserWarning, match='Bits 1, 2, 9, 30 of DQ'):
        assert masked_rows(read(*hdus)) == [1, 6, 7, 8, 9]


def test_bits_of_the_dark_energy_survey():
    # BPM, SATURATE, INTERP, BADAMP, CRAY, STAR, TRAIL, EDGEBLEED, SSXTALK, EDGE, STREAK, SUSPECT.
    values = np.zeros(SHAPE, dtype='i4')
    values[:12, 0] = 1 << np.arange(12)
    values[:3, 1] = 1 << np.arange(12, 15)  # FIXED, NEAREDGE, TAPEBUMP
    image = read(plane(PIXELS, 'SCI'), plane(values, 'MSK'), plane(2.0, 'WGT'))
    assert masked_rows(image) == [0, 1, 3, 4, 6, 7, 8, 9, 10]
    assert not image.mask[:, 1].any()


def test_numbers_of_the_pipeline_of_noirlab_are_no_bits():
    # Bad, no value, saturated, bleed, cosmic ray, low weight, difference, streak.
    values = np.zeros(SHAPE, dtype='i2')
    values[:9, 0] = np.arange(9)
    image = read(plane(PIXELS, 'SCI'), plane(values, 'DQ'), INSTRUME='DECam', PLVER='V5.2.1')
    assert masked_rows(image) == [1, 2, 3, 4, 5, 6, 7, 8]


def test_bits_of_gemini():
    # Bad, not linear, saturated, cosmic ray, no data, overlap, without light.
    values = np.zeros(SHAPE, dtype='u2')
    values[:7, 0] = 1 << np.arange(7)
    image = read(plane(PIXELS, 'SCI'), plane(values, 'DQ'), TELESCOP='Gemini-South')
    assert masked_rows(image) == [0, 2, 3, 4, 6]


@pytest.mark.parametrize(
    ('camera', 'rows'),
    [
        # Hot pixels have bit 4, those whose dark changes bit 5, warm ones bit 6.
        ({'INSTRUME': 'ACS'}, [1, 2, 3, 5, 6, 7, 8, 9]),
        ({'INSTRUME': 'WFC3', 'DETECTOR': 'UVIS'}, [1, 2, 3, 5, 6, 7, 8, 9]),
        ({'INSTRUME': 'WFC3', 'DETECTOR': 'IR'}, [1, 2, 3, 5, 6, 8, 9, 10]),
    ],
)
def test_bits_of_hubble_that_are_drizzled_are_not_masked(camera, rows):
    values = bits('i2', _1=0, _2=2, _3=5, _4=6, _5=7, _6=8, _7=9, _8=12, _9=14, _10=4)
    image = read(plane(PIXELS, 'SCI'), plane(values, 'DQ'), TELESCOP='HST', **camera)
    assert masked_rows(image) == rows


def test_bits_of_no_known_meaning_are_named_and_not_masked():
    hdus = plane(PIXELS, 'SCI'), plane(bits(_1=0, _2=3, _4=20), 'DQ')
    with pytest.warns(AstropyUserWarning, match='Bits 3, 20 of DQ of the HDUList are set'):
        assert masked_rows(read(*hdus)) == [1]


def test_truth_values_and_bad_pixel_maps_have_no_bits():
    values = np.zeros(SHAPE, dtype='u1')
    values[3, 0] = 4
    assert masked_rows(read(plane(PIXELS, 'SCI'), plane(values, 'MASK'))) == [3]
    assert masked_rows(read(plane(PIXELS, 'SCI'), plane(values.astype('i4'), 'BPM'))) == [3]


@pytest.mark.parametrize('dtype', ['u1', 'i2', 'u2', 'i4', 'u4', 'i8'])
def test_the_highest_bit_of_each_integer_is_a_bit(dtype):
    highest = 8 * np.dtype(dtype).itemsize - 1
    hdu = plane(bits('i8'), 'DQ', MP_BAD=highest)
    quality = quality_bits(hdu)
    values = np.array([0, 1], dtype=dtype)
    values[1] = np.array(1 << highest, dtype=np.uint64).astype(dtype)
    assert quality.is_bad(values).tolist() == [False, True]
    assert quality_bits(plane(bits(), 'DQ')).unknown(values) == 1 << highest


@pytest.mark.parametrize(
    ('hdus', 'deviation'),
    [
        ([plane(2.0, 'ERR')], 2),
        ([plane(2.0, 'RMS')], 2),
        ([plane(4.0, 'VARIANCE')], 2),
        ([plane(4.0, 'VAR')], 2),
        ([plane(0.25, 'IVAR')], 2),
        ([plane(0.25, 'INVVAR')], 2),
        ([plane(9.0, 'VARIANCE'), plane(2.0, 'ERR')], 2),
        ([plane(4.0, 'UNCERT', UTYPE='VarianceUncertainty')], 2),
        ([plane(4.0, 'ERR', UTYPE='VarianceUncertainty')], 2),
        ([plane(2000.0, 'ERR', unit='uJy')], 2),
        ([plane(4e6, 'VARIANCE', unit='uJy2')], 2),
        ([plane(4.0, 'VARIANCE', unit='mJy')], 2),
        ([plane(0.25, 'IVAR', unit='1/mJy2')], 2),
        ([plane(4.0, 'VAR_POISSON')], None),
        ([plane(4.0, 'WHT')], None),
        ([plane(4.0, 'BKG_RMS')], None),
    ],
)
def test_uncertainties_by_their_names_and_units(hdus, deviation):
    image = read(plane(PIXELS, 'SCI', unit='mJy'), *hdus)
    assert image.unit == u.mJy
    if deviation is None:
        assert image.uncertainty is None
    else:
        assert np.allclose(image.uncertainty.array, deviation)


@pytest.mark.parametrize('unit', ['m', 'furlong', 'mJy2'])
def test_an_uncertainty_in_another_unit_is_left_out(unit):
    hdus = plane(PIXELS, 'SCI', unit='mJy'), plane(2.0, 'ERR', unit=unit)
    with pytest.warns(
        AstropyUserWarning, match=f"ERR of the HDUList is ignored.* its unit, '{unit}'"
    ):
        assert read(*hdus).uncertainty is None


def test_an_uncertainty_of_magnitudes_is_one_of_magnitudes():
    for name, value in (('ERR', 2.0), ('VARIANCE', 4.0)):
        image = read(plane(PIXELS, 'SCI', unit='mag(AB)'), plane(value, name))
        assert np.allclose(image.uncertainty.array, 2)


@pytest.mark.parametrize('name', ['ERR', 'VARIANCE'])
def test_an_uncertainty_that_is_nowhere_known_is_left_out(name):
    with pytest.warns(AstropyUserWarning, match=f'{name} of the HDUList is ignored.*none of '):
        image = read(plane(PIXELS, 'SCI'), plane(0.0, name))
    assert image.uncertainty is None
    assert image.mask is None
    assert 'HDUUNC' not in image.meta


# Inverse variances are weights.
@pytest.mark.parametrize(
    ('name', 'value'), [('WHT', 0.0), ('DQ', 1), ('IVAR', 0.0), ('IVAR', -2.0)]
)
def test_what_masks_all_pixels_is_named(name, value):
    with pytest.raises(
        ValueError, match=f'The image in the HDUList has no usable pixel according to {name}'
    ):
        read(plane(PIXELS, 'SCI'), plane(value, name))


@pytest.mark.parametrize('kind', ['Nonsense', '__import__', 'CCDData', 'UnknownUncertainty', 5])
def test_an_unknown_kind_of_uncertainty_is_named(kind):
    hdus = plane(PIXELS, 'SCI'), plane(2.0, 'UNCERT', UTYPE=kind)
    with pytest.warns(AstropyUserWarning, match=f'its type, UTYPE = .{kind}'):
        assert read(*hdus).uncertainty is None


@pytest.mark.parametrize('name', ['WHT', 'WEIGHT', 'WGT', 'EXP', 'ERR', 'VARIANCE', 'IVAR'])
@pytest.mark.parametrize('nothing', [0, np.nan, -1])
def test_without_weight_there_are_no_data(name, nothing):
    values = np.full(SHAPE, 2.0)
    values[4, 0] = nothing
    assert masked_rows(read(plane(PIXELS, 'SCI'), plane(values, name))) == [4]


def test_each_image_has_its_own():
    hdus = []
    for k, name in enumerate(['1-1.E', '1-1.F']):
        hdus += [
            plane(PIXELS + k, f'{name}.SCI'),
            plane(k + 2.0, f'{name}.RMS'),
            plane(bits(**{f'_{k + 5}': 0}), f'{name}.FLG'),
        ]
    for k in (1, 2):
        hdus += [
            plane(PIXELS + k, 'SCI', EXTVER=k),
            plane(k + 6.0, 'ERR', EXTVER=k),
            plane(bits(**{f'_{k}': 0}), 'DQ', EXTVER=k),
        ]
    hdus = fits.HDUList([fits.PrimaryHDU(), *hdus])
    expected = {
        '1-1.E.SCI': (2, [5]),
        '1-1.F.SCI': (3, [6]),
        ('SCI', 1): (7, [1]),
        ('SCI', 2): (8, [2]),
    }
    for hdu, (deviation, rows) in expected.items():
        image = read_image(hdus, hdu=hdu)
        assert np.allclose(image.uncertainty.array, deviation)
        assert masked_rows(image) == rows


def test_masks_without_a_name_of_their_own_belong_to_the_only_image():
    mask = plane(bits('u1', _3=0), 'MASK')
    assert masked_rows(read(plane(PIXELS, 'CCD4'), mask)) == [3]
    assert masked_rows(read(plane(PIXELS, 'CCD4'), plane(PIXELS, 'CCD5'), mask)) == []


def test_the_only_image_owns_what_has_its_version():
    masks = [plane(bits('u1', **{f'_{k}': 0}), 'MASK', EXTVER=k) for k in (1, 2)]
    assert masked_rows(read(plane(PIXELS, 'SCI', EXTVER=2), *masks)) == [2]
    assert masked_rows(read(plane(PIXELS, 'SCI', EXTVER=1), *masks)) == [1]


@pytest.mark.parametrize(
    ('names', 'kind'),
    [
        (['SCI_BKSUB', 'SCI', 'ERR', 'BKGMASK', 'BKGD'], 'deviation'),
        (['STOKES I', 'STOKES Q', 'ERROR I', 'ERROR Q', 'BAD PIXEL MASK'], 'deviation'),
        (['DATA', 'STAT'], 'variance'),
    ],
)
def test_names_of_several_pipelines(names, kind):
    image = read(
        *(plane(PIXELS, name) if k == 0 else plane(4.0, name) for k, name in enumerate(names))
    )
    assert np.array_equal(image.data, PIXELS)
    assert image.meta['HDUUNC'].endswith(kind)
    assert np.allclose(image.uncertainty.array, 2 if kind == 'variance' else 4)
    assert image.mask is None


def test_a_weight_that_is_read_itself_has_no_companions():
    hdus = fits.HDUList([fits.PrimaryHDU(), plane(PIXELS, 'SCI'), plane(2.0, 'WHT')])
    hdus.append(plane(bits(_3=0), 'DQ'))
    image = read_image(hdus, hdu='WHT')
    assert np.array_equal(image.data, np.full(SHAPE, 2))
    assert image.mask is None


def test_another_shape_is_named_and_left_out():
    small = fits.ImageHDU(np.ones((3, 4), dtype='u1'), name='MASK')
    with pytest.warns(AstropyUserWarning, match=r'MASK of the HDUList .* \(3, 4\), differs'):
        assert read(plane(PIXELS, 'SCI'), small).mask is None


def test_companions_of_the_plane_of_a_cube():
    cube = np.stack([PIXELS, PIXELS + 10])
    dq = np.stack([bits(_1=0), bits(_2=0)])
    hdus = [fits.ImageHDU(cube, name='SCI'), fits.ImageHDU(dq, name='DQ')]
    hdus.append(fits.ImageHDU(np.stack([PIXELS, PIXELS / 2]), name='ERR'))
    image = read_image(fits.HDUList([fits.PrimaryHDU(), *hdus]), plane=1)
    assert masked_rows(image) == [2]
    assert np.array_equal(image.uncertainty.array, PIXELS / 2)


def test_a_mask_with_fewer_axes_of_length_one():
    image = fits.ImageHDU(PIXELS[np.newaxis, np.newaxis], name='SCI')
    assert masked_rows(read(image, plane(bits(_3=0), 'DQ'))) == [3]
    flat = plane(PIXELS, 'SCI')
    assert masked_rows(read(flat, fits.ImageHDU(bits(_3=0)[np.newaxis], name='DQ'))) == [3]


def test_compressed_files_are_read_alike(tmp_path):
    path = tmp_path / 'image.fits.fz'
    kinds = {'compression_type': 'GZIP_2', 'quantize_level': 0}
    mask = fits.CompImageHDU(bits(_1=0, _2=5), name='MASK', **kinds)
    mask.header.update({'MP_BAD': 0, 'HIERARCH MP_DETECTED': 5})
    image = fits.CompImageHDU(PIXELS, name='IMAGE', **kinds)
    variance = fits.CompImageHDU(np.full(SHAPE, 4, 'f4'), name='VARIANCE', **kinds)
    fits.HDUList([fits.PrimaryHDU(), image, mask, variance]).writeto(path)
    found = read_image(path)
    assert np.array_equal(found.data, PIXELS)
    assert masked_rows(found) == [1]
    assert np.allclose(found.uncertainty.array, 2)


def test_what_lies_beside_an_image_counts_as_memory(tmp_path):
    pixels = np.random.default_rng(1).normal(size=(100, 200)).astype(np.float32)
    hdus = [fits.PrimaryHDU(), fits.ImageHDU(pixels, name='SCI')]
    fits.HDUList(hdus).writeto(tmp_path / 'image.fits')
    hdus += [fits.ImageHDU(abs(pixels) + 1, name=name) for name in ('ERR', 'WHT')]
    fits.HDUList(hdus).writeto(tmp_path / 'more.fits')
    # 5 bytes a pixel each.
    assert read_image(tmp_path / 'image.fits', max_size=100_000).shape == pixels.shape
    assert read_image(tmp_path / 'more.fits', max_size=300_000).mask is None
    with pytest.raises(ValueError, match='of memory; allowed are'):
        read_image(tmp_path / 'more.fits', max_size=299_999)


def test_a_kind_of_uncertainty_in_any_case():
    image = read(plane(PIXELS, 'SCI'), plane(4.0, 'UNCERT', UTYPE='VARIANCEUNCERTAINTY'))
    assert np.allclose(image.uncertainty.array, 2)
