"""Masks, weights and uncertainties that the caller gives: arrays, files and extensions."""

from pathlib import Path

import numpy as np
import pytest
from astropy import units as u
from astropy.io import fits
from astropy.nddata import CCDData, InverseVariance, StdDevUncertainty, VarianceUncertainty
from astropy.utils.masked import Masked
from PIL import Image

from astro_wgan.exceptions import ImageError
from astro_wgan.images import read_image
from astro_wgan.stamps import StampSet

SHAPE = (60, 70)
RNG = np.random.default_rng(2)
PIXELS = RNG.normal(5, 1, size=SHAPE).astype(np.float32)
MASK = RNG.random(SHAPE) < 0.2
BITS = np.where(MASK, 4, 2).astype('i4')
WEIGHT = np.where(RNG.random(SHAPE) < 0.2, 0, 2.0)
DEVIATION = RNG.uniform(1, 2, size=SHAPE)


@pytest.fixture
def path(tmp_path):
    hdus = [
        fits.ImageHDU(PIXELS, fits.Header({'BUNIT': 'nJy'}), name='SCI'),
        fits.ImageHDU(BITS, name='MINE'),
        fits.ImageHDU(WEIGHT, name='SECOND', ver=2),
        fits.ImageHDU(DEVIATION**-2, name='OTHER_IVAR'),
    ]
    fits.HDUList([fits.PrimaryHDU(), *hdus]).writeto(tmp_path / 'image.fits')
    fits.PrimaryHDU(BITS).writeto(tmp_path / 'flags.fits')
    fits.PrimaryHDU(WEIGHT).writeto(tmp_path / 'weight.fits')
    fits.PrimaryHDU(DEVIATION).writeto(tmp_path / 'noise.fits')
    fits.PrimaryHDU(DEVIATION**2).writeto(tmp_path / 'image.var.fits')
    return tmp_path / 'image.fits'


def masked(image):
    return np.zeros(SHAPE, bool) if image.mask is None else image.mask


def given_masks(folder):
    return {
        'boolean': {'mask': MASK},
        'list': {'mask': MASK.tolist()},
        'integers': {'mask': BITS, 'bits': 4},
        'not 0': {'mask': MASK.astype('u1')},
        'HDU': {'mask': 'MINE', 'bits': 4},
        'name in lower case': {'mask': 'mine', 'bits': 4},
        'number': {'mask': 2, 'bits': [4, 8]},
        'file': {'mask': folder / 'flags.fits', 'bits': 4},
        'text': {'mask': str(folder / 'flags.fits'), 'bits': ~2},
    }


@pytest.mark.parametrize('name', given_masks(Path()))
def test_masks(path, name):
    given = given_masks(path.parent)[name]
    assert np.array_equal(masked(read_image(path, **given)), MASK)


@pytest.mark.parametrize('weight', ['array', 'HDU', 'file'])
def test_weights_are_added_to_masks(path, weight):
    given = {'array': WEIGHT, 'HDU': ('SECOND', 2), 'file': path.parent / 'weight.fits'}[weight]
    image = read_image(path, mask=MASK, weight=given)
    assert np.array_equal(masked(image), MASK | (WEIGHT == 0))
    assert image.uncertainty is None


@pytest.mark.parametrize(
    'make',
    [
        lambda folder: DEVIATION,
        lambda folder: DEVIATION * u.nJy,
        lambda folder: (DEVIATION * u.nJy).to(u.uJy),
        lambda folder: StdDevUncertainty(DEVIATION),
        lambda folder: VarianceUncertainty(DEVIATION**2),
        lambda folder: VarianceUncertainty((DEVIATION * 1e-3) ** 2, unit=u.uJy**2),
        lambda folder: InverseVariance(DEVIATION**-2),
        lambda folder: folder / 'noise.fits',
        lambda folder: folder / 'image.var.fits',
        lambda folder: 'OTHER_IVAR',
    ],
)
def test_uncertainties(path, make):
    image = read_image(path, uncertainty=make(path.parent))
    assert np.allclose(image.uncertainty.array, DEVIATION, rtol=1e-5)
    assert image.uncertainty.unit in (None, u.nJy)
    if not isinstance(make(path.parent), str) and 'HDUUNC' in image.meta:
        assert image.meta['HDUUNC'].startswith(('`uncertainty`', 'noise.fits', 'image.var.fits'))


def test_an_uncertainty_replaces_that_of_the_file(tmp_path):
    hdus = [fits.ImageHDU(PIXELS, name='SCI'), fits.ImageHDU(0 * PIXELS + 9, name='ERR')]
    hdulist = fits.HDUList([fits.PrimaryHDU(), *hdus])
    assert np.allclose(read_image(hdulist).uncertainty.array, 9)
    assert np.allclose(read_image(hdulist, uncertainty=DEVIATION).uncertainty.array, DEVIATION)


def images_in_memory(path):
    yield PIXELS
    yield CCDData(PIXELS, unit='adu')
    yield PIXELS * u.adu
    yield fits.ImageHDU(PIXELS)
    Image.fromarray(np.clip(20 * PIXELS, 0, 255).astype('u1')).save(path.parent / 'picture.png')
    yield path.parent / 'picture.png'


def test_images_of_any_kind_take_arrays(path):
    for source in images_in_memory(path):
        image = read_image(source, mask=MASK, weight=WEIGHT, uncertainty=DEVIATION)
        assert np.array_equal(masked(image), MASK | (WEIGHT == 0))
        assert np.allclose(image.uncertainty.array, DEVIATION)
        again = read_image(source, mask=BITS, bits=4)
        assert np.array_equal(masked(again), MASK)


def test_masks_of_all_kinds_are_joined():
    own = RNG.random(SHAPE) < 0.2
    ccd = CCDData(PIXELS, unit='adu', mask=own)
    assert np.array_equal(masked(read_image(ccd, mask=MASK)), MASK | own)
    assert np.array_equal(masked(read_image(Masked(PIXELS, own), mask=MASK)), MASK | own)
    hidden = np.ma.array(WEIGHT, mask=own)
    assert np.array_equal(masked(read_image(ccd, weight=hidden)), own | (WEIGHT == 0))


def test_stamps_take_the_same_options(path):
    known = {'size': 16, 'positions': [(30, 30), (40, 20)]}
    given = {'weight': 'SECOND', 'uncertainty': 'OTHER_IVAR', 'mask': 'MINE', 'bits': 4}
    stamps = StampSet.from_image(path, **known, **given)
    cut = np.s_[22:38, 22:38]
    assert np.array_equal(stamps.mask[0], (MASK | (WEIGHT == 0))[cut])
    assert np.allclose(stamps.uncertainty[0], DEVIATION[cut])
    arrays = {'weight': WEIGHT, 'uncertainty': DEVIATION, 'mask': MASK}
    again = StampSet.from_image(path, **known, **arrays)
    assert np.array_equal(stamps.mask, again.mask)
    alone = StampSet.from_image(path, **known, layout=None)
    assert alone.mask is None


SMALL = np.ones((3, 4))


@pytest.mark.parametrize(
    ('given', 'error', 'message'),
    [
        ({'mask': SMALL > 0}, ValueError, r'`mask` must have the shape of the image, \(60, 70\)'),
        ({'weight': SMALL}, ValueError, r'`weight` must have the shape .*; got \(3, 4\)'),
        ({'uncertainty': SMALL}, ValueError, '`uncertainty` must have the shape'),
        ({'uncertainty': StdDevUncertainty(SMALL)}, ValueError, '`uncertainty` must have the'),
        ({'weight': 0 * WEIGHT}, ValueError, '`weight` must be above 0 somewhere'),
        ({'weight': -WEIGHT - 1}, ValueError, '`weight` must be above 0 somewhere'),
        ({'weight': np.full(SHAPE, np.nan)}, ValueError, '`weight` must be above 0 somewhere'),
        ({'uncertainty': DEVIATION * u.m}, ValueError, '`uncertainty` must be in a unit that'),
        ({'bits': 1.5}, TypeError, '`bits` must be integers'),
        ({'bits': [1, None]}, TypeError, '`bits` must be integers'),
        ({'bits': False}, TypeError, '`bits` must be integers'),
        ({'mask': BITS, 'bits': 'BAD'}, TypeError, '`bits` of an array must be integers'),
        ({'mask': PIXELS, 'bits': 4}, TypeError, '`mask` must be integers to have `bits`'),
        ({'mask': np.full(SHAPE, 'a')}, TypeError, '`mask` must be boolean'),
        ({'weight': np.full(SHAPE, 'a')}, TypeError, 'weight'),
        ({'bits': 4}, ValueError, '`bits` are for a mask'),
    ],
)
def test_what_is_refused(path, given, error, message):
    for source in (path, PIXELS * u.nJy):
        with pytest.raises(error, match=message):
            read_image(source, **given)
        with pytest.raises(error, match=message):
            StampSet.from_image(source, size=16, positions=[(30, 30)], **given)


def test_a_mask_and_a_weight_that_leave_nothing_are_named(path):
    weight = np.where(MASK, 1.0, 0)
    message = r'has no usable pixel according to `mask` and `weight`'
    for source in (path, PIXELS):
        with pytest.raises(ImageError, match=message):
            read_image(source, mask=MASK, weight=weight)
    fits.PrimaryHDU(0 * WEIGHT).writeto(path.parent / 'nothing.fits')
    with pytest.raises(ImageError, match=r'no usable pixel according to nothing\.fits'):
        read_image(path, weight=path.parent / 'nothing.fits')


def test_files_and_extensions_that_do_not_fit(path):
    fits.PrimaryHDU(SMALL).writeto(path.parent / 'small.fits')
    with pytest.raises(ImageError, match=r'`mask` must have the shape .*; got \(3, 4\)'):
        read_image(path, mask=path.parent / 'small.fits')
    with pytest.raises(ImageError, match=r'has no HDU 17; it has: 0 PRIMARY, 1 SCI, 2 MINE'):
        read_image(path, weight=17)
    with pytest.raises(FileNotFoundError, match=r'`weight` must be an array, a file, or an HDU'):
        read_image(path, weight='WHT')
    (path.parent / 'notes.txt').write_text('weights')
    with pytest.raises(ImageError, match=r'notes\.txt is no FITS file'):
        read_image(path, weight=path.parent / 'notes.txt')
    with pytest.raises(ValueError, match="has no bit 'BAD' of `bits`; it has: no names"):
        read_image(path, mask='MINE', bits='BAD')


@pytest.mark.parametrize('given', [{'mask': 'DQ'}, {'weight': 1}, {'uncertainty': ('ERR', 1)}])
def test_an_image_without_file_takes_no_extensions(given):
    with pytest.raises(ImageError, match='of an image in memory must be an array'):
        read_image(PIXELS, **given)


@pytest.mark.parametrize('layout', ['des', 'general'])
def test_layouts_are_those_of_fits_files(path, layout):
    for source in (PIXELS, path.parent / 'picture.png'):
        Image.fromarray(np.zeros((9, 9), 'u1') + 7).save(path.parent / 'picture.png')
        with pytest.raises(ImageError, match=f'`layout` {layout!r} is for FITS files; got '):
            read_image(source, layout=layout)
    assert read_image(PIXELS, layout=None).mask is None


def test_names_of_bits_that_a_mask_has(tmp_path):
    header = fits.Header({'MP_BAD': 0, 'HIERARCH MP_STAR': 2})
    hdus = [fits.ImageHDU(PIXELS, name='SCI'), fits.ImageHDU(BITS, header, name='MASK')]
    hdulist = fits.HDUList([fits.PrimaryHDU(), *hdus])
    assert read_image(hdulist).mask is None
    image = read_image(hdulist, bits='STAR')
    assert np.array_equal(image.mask, MASK)
    assert image.meta['HDUMASK'].endswith(': STAR')
    with pytest.raises(ValueError, match="MASK has no bit 'SUN' of `bits`; it has: BAD, STAR"):
        read_image(hdulist, bits=['STAR', 'SUN'])
