"""Layouts: validation, registration, choice by headers, zero points from cards."""

import pickle
from dataclasses import FrozenInstanceError, replace

import numpy as np
import pytest
from astropy import units as u
from astropy.io import fits
from astropy.utils.exceptions import AstropyUserWarning

from astro_wgan.exceptions import ImageError
from astro_wgan.images import Layout, get_layout, layout_names, read_image, register_layout
from astro_wgan.images.layouts import layout_registry
from astro_wgan.images.layouts.siblings import find_sibling, match_name
from astro_wgan.images.layouts.zero_point_cards import zero_point_of

SHAPE = (12, 15)
PIXELS = np.random.default_rng(1).normal(5, 1, size=SHAPE).astype(np.float32)


@pytest.fixture
def registry(monkeypatch):
    monkeypatch.setattr(layout_registry, '_LAYOUTS', dict(layout_registry._LAYOUTS))


def plane(value, name, **cards):
    values = np.array(np.broadcast_to(value, SHAPE))
    values = values.astype('f4') if values.dtype.kind == 'f' else values
    return fits.ImageHDU(values, fits.Header(cards), name=name)


def test_a_layout_is_frozen_compared_by_value_and_pickled():
    layout = get_layout('des')
    with pytest.raises(FrozenInstanceError):
        layout.mask = 'DQ'
    assert pickle.loads(pickle.dumps(layout)) == layout
    assert hash(replace(layout)) == hash(layout)
    assert replace(layout, bits=1) != layout


@pytest.mark.parametrize('name', ['dss', 'HST', 3, True, b'hst'])
def test_an_unknown_layout_is_refused_with_the_names_of_all(name):
    with pytest.raises(ValueError, match=r"`layout` must be 'auto', .* got ") as error:
        read_image(PIXELS, layout=name)
    assert all(known in str(error.value) for known in layout_names())


@pytest.mark.parametrize(
    ('values', 'message'),
    [
        ({'name': ''}, '`name` of a layout'),
        ({'name': 5}, '`name` of a layout'),
        ({'mask': 5}, '`mask` must be a text'),
        ({'mask': '{tile}_mask.fits'}, 'has the word {tile}, which `files` does not have'),
        ({'bits': 'SATUR_{band}'}, r'`bits` of the layout .* has the word {band}'),
        ({'bits': 1.5}, '`bits` must be integers'),
        ({'bits': True}, '`bits` must be integers'),
        ({'bits': 0}, 'at least one bit; got 0'),
        ({'bits': ()}, 'at least one bit; got none'),
        ({'bits': (1, 'BAD')}, '`bits` must be integers'),
        ({'cards': ['TELESCOP']}, '`cards` must be a mapping'),
        ({'cards': {'TELESCOP': 5}}, '`cards` must be a text'),
        ({'planes': {'BAD': 64}}, '`planes` must number bits from 0 to 63'),
        ({'zero_point': np.nan}, '`zero_point` must be finite'),
        ({'zero_point': True}, '`zero_point` must be a text'),
        ({'unit': 'furlongs'}, 'furlongs'),
        ({'asinh': ('BOFFSET',)}, '`asinh` must name two cards'),
        ({'files': '{1x}.fits'}, r'must hold a word, as in {band}; got .{1x}\.fits'),
        ({'files': '{x-y}.fits'}, 'must hold a word'),
        ({'files': '{x}.fits', 'weight': '{x.fits'}, r'must hold a word.* got .{x\.fits'),
        ({'weight': '/data/weight.fits'}, 'must be relative to the folder of the image'),
        ({'zero_point': ('A', True)}, '`zero_point` must be a text'),
        ({'zero_point': ('A', np.inf)}, '`zero_point` must be finite'),
        ({'by_name': 'yes'}, '`by_name` must be True, False or None'),
    ],
)
def test_values_of_a_layout_are_checked(values, message):
    with pytest.raises((TypeError, ValueError), match=message):
        Layout(**{'name': 'mine', **values})


@pytest.mark.parametrize(
    ('bits', 'bad'),
    [(5, [0, 2]), ((1, 8), [0, 3]), (~(1 | 8), [1, 2, 4, 5]), (-1, [0, 1, 2, 3, 4, 5])],
)
def test_bits_are_sums_of_values(bits, bad):
    ladder = np.zeros(SHAPE, dtype='u1')
    ladder[:6, 0] = 1 << np.arange(6)
    hdus = fits.HDUList([fits.PrimaryHDU(), plane(PIXELS, 'SCI'), plane(ladder, 'DQ')])
    for image in (
        read_image(hdus, layout=Layout('mine', bits=bits)),
        read_image(hdus, bits=bits),
        read_image(hdus, layout='jwst', bits=bits),
    ):
        assert np.flatnonzero(image.mask[:, 0]).tolist() == bad


def test_registration(registry):
    first = Layout('mine', cards={'ORIGIN': 'MY*'}, mask='BAD_ONES', bits=2)
    hdus = [plane(PIXELS, 'SCI'), plane(np.arange(15) % 4, 'BAD_ONES'), plane(2, 'DQ')]
    header = fits.Header({'ORIGIN': 'my observatory', 'TELESCOP': 'JWST'})
    hdulist = fits.HDUList([fits.PrimaryHDU(header=header), *hdus])
    assert read_image(hdulist).meta['LAYOUT'] == 'jwst'
    register_layout(first)
    image = read_image(hdulist)
    assert image.meta['LAYOUT'] == 'mine'
    assert np.array_equal(image.mask, np.broadcast_to(np.arange(15) % 4 >= 2, SHAPE))
    assert 'mine' in layout_names()
    with pytest.raises(ValueError, match="There is a layout 'mine' already"):
        register_layout(first)
    register_layout(replace(first, bits=1), overwrite=True)
    assert get_layout('mine').bits == 1
    with pytest.raises(ValueError, match="There is a layout 'auto' already"):
        register_layout(Layout('auto'), overwrite=True)
    with pytest.raises(TypeError, match='`layout` must be a Layout; got str'):
        register_layout('des')


def test_what_a_layout_leaves_out_is_not_used():
    hdus = [plane(PIXELS, 'SCI'), plane(2.0, 'ERR'), plane(1, 'DQ'), plane(1.0, 'WHT')]
    hdulist = fits.HDUList([fits.PrimaryHDU(), *hdus])
    image = read_image(hdulist, layout=Layout('mine', mask=None, uncertainty=None))
    assert image.mask is None
    assert image.uncertainty is None
    assert image.meta['HDULEFT'] == '2 ERR (12 x 15), 3 DQ (12 x 15)'
    assert image.meta['HDUWHT'] == '4 WHT (12 x 15)'


def test_an_image_by_a_name_that_is_usually_something_else():
    hdus = [plane(PIXELS + 1, 'SCI'), plane(PIXELS, 'SKY')]
    hdulist = fits.HDUList([fits.PrimaryHDU(), *hdus])
    assert np.array_equal(read_image(hdulist).data, PIXELS + 1)
    image = read_image(hdulist, layout=Layout('mine', image='SKY'))
    assert np.array_equal(image.data, PIXELS)


@pytest.mark.parametrize(
    ('cards', 'name'),
    [
        ({'TELESCOP': 'HST', 'INSTRUME': 'ACS'}, 'hst'),
        ({'TELESCOP': 'HST', 'INSTRUME': 'WFC3', 'DETECTOR': 'UVIS'}, 'hst'),
        ({'TELESCOP': 'HST', 'INSTRUME': 'WFC3', 'DETECTOR': 'IR'}, 'hst-ir'),
        ({'TELESCOP': 'HST', 'INSTRUME': 'WFPC2'}, 'general'),
        ({'TELESCOP': 'jwst '}, 'jwst'),
        ({'TELESCOP': 'ROMAN'}, 'roman'),
        ({'TELESCOP': 'Euclid'}, 'euclid-vis'),
        ({'TELESCOP': 'Gemini-North'}, 'gemini'),
        ({'TELESCOP': '2.5m'}, 'general'),
        ({'PLVER': 'V5.2', 'INSTRUME': 'DECam'}, 'decam'),
        ({'PLVER': 'V5.2', 'INSTRUME': 'Mosaic3'}, 'noirlab'),
        ({'PLVER': ''}, 'general'),
        # A cutout of an image of HSC, without its mask and variance.
        ({'FLUXMAG0': 6.3e10}, 'hsc'),
        ({'TELESCOP': 'EUCLID', 'MAGZERO': 24.6}, 'euclid-mer'),
        ({'TELESCOP': 'EUCLID', 'ZPAB': 29.9}, 'euclid-nisp'),
        ({'LEGPIPEV': 'DR9', 'IMTYPE': 'image'}, 'legacy'),
        ({'LEGPIPEV': 'DR9', 'IMTYPE': 'model'}, 'general'),
        ({'SURVEY': 'LegacySurvey', 'BANDS': 'grz'}, 'legacy-cutout'),
        ({'INSTRUME': 'OMEGACAM', 'OBJECT': 'KIDS_131.0_1.5'}, 'kids'),
        ({'INSTRUME': 'OMEGACAM', 'OBJECT': 'ATLAS'}, 'general'),
        ({'PSCAMERA': 'GPC1', 'HIERARCH FPA.ZP': 25.0, 'EXPTIME': 10.0}, 'panstarrs'),
    ],
)
def test_layouts_by_cards(cards, name):
    primary = fits.PrimaryHDU(header=fits.Header(cards))
    image = read_image(fits.HDUList([primary, plane(PIXELS, 'SCI')]))
    assert image.meta['LAYOUT'] == name
    assert read_image(fits.PrimaryHDU(PIXELS, fits.Header(cards))).meta['LAYOUT'] == name


@pytest.mark.parametrize(
    ('templates', 'name', 'words'),
    [
        (['{tile}_sci.fits*'], 'A_B_SCI.FITS.gz', {'tile': 'A_B'}),
        (['{a}-{b}.fits', '{a}.fits'], 'x.fits', {'a': 'x'}),
        (['{a}-{a}.fits'], 'x-x.fits', {'a': 'x'}),
        (['{a}-{a}.fits'], 'x-y.fits', None),
        (['{a}.fits'], '.fits', None),
        (['a+b.fits'], 'aab.fits', None),
        ([], 'x.fits', None),
    ],
)
def test_words_of_file_names(templates, name, words):
    assert match_name(templates, name) == words


def test_siblings_are_files_in_the_same_folder_and_names_are_no_patterns(tmp_path):
    for name in ('a[1].wt.fits', 'a1.wt.fits', 'b.wt.1.fits', 'b.wt.2.fits'):
        (tmp_path / name).touch()
    (tmp_path / 'c.wt.fits').mkdir()
    image = tmp_path / 'image.fits'
    assert find_sibling(image, '{x}.wt.fits', {'x': 'a[1]'}).name == 'a[1].wt.fits'
    assert find_sibling(image, '{x}.wt.*.fits', {'x': 'b'}).name == 'b.wt.2.fits'
    assert find_sibling(image, '{x}.wt.fits', {'x': 'c'}) is None
    assert find_sibling(image, '{x}.wt.fits', {'x': '*'}) is None


@pytest.mark.parametrize(
    ('zero_point', 'cards', 'unit', 'expected'),
    [
        (22.5, {}, None, 22.5),
        ('MAGZERO', {'MAGZERO': 30}, 'adu', 30),
        ('MAGZERO', {'MAGZERO': '30.5'}, 'electron/s', 30.5),
        ('MAGZERO', {'MAGZERO': 'unknown'}, 'adu', None),
        ('MAGZERO', {'MAGZERO': True}, 'adu', None),
        ('MAGZERO', {}, 'adu', None),
        (('A', 'B'), {'B': 25.0}, '', 25),
        (('A', 25), {}, 'adu', 25),
        (('A', 25), {'A': 24.5}, 'adu', 24.5),
        # The card exists, but says nothing.
        (('A', 25), {'A': 'NaN'}, 'adu', None),
        ('MAGZERO', {'MAGZERO': 30}, 'nJy', None),
        ('MAGZERO', {'MAGZERO': 30}, 'MJy/sr', None),
        ('MAGZERO', {'MAGZERO': 30}, 'mag(AB)', None),
        ('FLUXMAG0', {'FLUXMAG0': 1e10}, None, 25),
        ('FLUXMAG0', {'FLUXMAG0': 0}, None, None),
        ('PHOTFLAM', {'PHOTFLAM': 1e-20}, 'electron/s', None),
        ('PHOTFLAM', {'PHOTFLAM': 1e-20, 'PHOTPLAM': -1}, 'electron/s', None),
    ],
)
def test_zero_points_of_cards(zero_point, cards, unit, expected):
    layout = Layout('mine', zero_point=zero_point)
    unit = None if unit is None else u.Unit(unit)
    assert zero_point_of(layout, fits.Header(cards), unit, 'x') == expected


def test_zero_points_of_counts_per_second():
    layout = Layout('mine', zero_point='ZP', per_second=True)
    header = fits.Header({'ZP': 25.0, 'EXPTIME': 100.0})
    assert zero_point_of(layout, header, u.Unit('electron/s'), 'x') == 25
    assert zero_point_of(layout, header, u.electron, 'x') == pytest.approx(30)
    # Neither counts nor counts per second.
    assert zero_point_of(layout, header, u.dimensionless_unscaled, 'x') is None
    for time in (None, 0.0, -1.0):
        header['EXPTIME'] = time
        with pytest.warns(AstropyUserWarning, match='x has no zero point: it is in counts'):
            assert zero_point_of(layout, header, u.adu, 'x') is None


def test_a_survey_in_ten_lines(tmp_path, registry):
    register_layout(
        Layout(
            'tenth',
            files='{field}_{band}.fits',
            inverse_variance='{field}_{band}.ivar.fits',
            mask='{field}.flags.fits',
            bits=1 | 4,
            zero_point='MAGZP',
        )
    )
    flags = np.zeros(SHAPE, 'i4')
    flags[:3, 0] = 1, 2, 4
    for name, values in (('f1_r', PIXELS), ('f1_r.ivar', 0 * PIXELS + 4), ('f1.flags', flags)):
        header = fits.Header({'MAGZP': 27.5})
        fits.PrimaryHDU(values, header).writeto(tmp_path / f'{name}.fits')
    image = read_image(tmp_path / 'f1_r.fits')
    assert image.meta['LAYOUT'] == 'tenth'
    assert np.flatnonzero(image.mask[:, 0]).tolist() == [0, 2]
    assert np.allclose(image.uncertainty.array, 0.5)
    assert image.meta['ABZERO'] == 27.5


def test_names_of_a_layout_are_of_any_case(registry):
    ladder = np.zeros(SHAPE, 'i4')
    ladder[:3, 0] = 1, 2, 4
    hdus = [plane(PIXELS, 'SCI'), plane(ladder, 'FLAGS2')]
    hdulist = fits.HDUList([fits.PrimaryHDU(header=fits.Header({'ORIGIN': 'x'})), *hdus])
    layout = Layout(
        'mine',
        cards={'origin': 'X'},
        hdus=('sci', 'flags2'),
        image='sci',
        mask='flags2',
        bits='bad',
        planes={'bad': 1},
    )
    register_layout(layout)
    image = read_image(hdulist)
    assert image.meta['LAYOUT'] == 'mine'
    assert np.flatnonzero(image.mask[:, 0]).tolist() == [1]


@pytest.mark.parametrize('planes', [{}, {'GOOD': 0}])
def test_a_mask_without_the_bits_of_a_layout_is_named(planes):
    hdulist = fits.HDUList([fits.PrimaryHDU(), plane(PIXELS, 'SCI'), plane(3, 'DQ')])
    with pytest.warns(AstropyUserWarning, match='DQ masks nothing: it has none of the bits BAD, b'):
        image = read_image(hdulist, layout=Layout('mine', bits='BAD', planes=planes))
    assert image.mask is None


def test_files_beside_an_image_need_no_words(tmp_path):
    for name, value in (('sci', PIXELS), ('wht', np.arange(15) % 2.0)):
        (tmp_path / 'weights').mkdir(exist_ok=True)
        values = np.broadcast_to(value, SHAPE).astype('f4')
        fits.PrimaryHDU(values).writeto(tmp_path / f'{"weights/" * (name == "wht")}{name}.fits')
    path = tmp_path / 'sci.fits'
    image = read_image(path, layout=Layout('mine', weight='weights/wht.fits'))
    assert np.array_equal(image.mask, np.broadcast_to(np.arange(15) % 2 == 0, SHAPE))
    with pytest.raises(ImageError, match=r"The layout 'mine' needs wht\.fits beside"):
        read_image(path, layout=Layout('mine', weight='wht.fits'))
    # An image is no weight of its own.
    with pytest.raises(ImageError, match=r"The layout 'mine' needs sci\.fits beside"):
        read_image(path, layout=Layout('mine', files='{x}.fits', weight='{x}.fits'))
