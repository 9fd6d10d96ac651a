"""Small files of each survey, as its own documents describe them, and what is read from them."""

from dataclasses import replace

import numpy as np
import pytest
from astropy import units as u
from astropy.io import fits
from astropy.stats import mad_std
from astropy.utils.exceptions import AstropyUserWarning

from astro_wgan.exceptions import ImageError
from astro_wgan.images import get_layout, read_image
from astro_wgan.images.layouts.survey_layouts import SURVEY_LAYOUTS
from astro_wgan.images.pixel_planes import PixelPlane
from astro_wgan.images.reading import describe_image
from astro_wgan.sources import measure_sources
from astro_wgan.stamps import StampSet
from astro_wgan.testing import make_wcs

SHAPE = (12, 15)
PIXELS = np.random.default_rng(1).normal(5, 1, size=SHAPE).astype(np.float32)

#: A mask of which each of the first bits is set in the row of its number.
LADDER = np.zeros(SHAPE, dtype='i4')
LADDER[:, 0] = 1 << np.arange(SHAPE[0])

#: Magnitudes per factor of e.
POGSON = 2.5 / np.log(10)


def hdu(value, name='', **cards):
    values = np.broadcast_to(value, SHAPE)
    values = values.astype(np.float32) if values.dtype.kind == 'f' else values.copy()
    header = fits.Header()
    for key, each in cards.items():
        header[key.replace('_', '-') if key.startswith('DATE') else key] = each
    return fits.ImageHDU(values, header, name=name or None)


def write(folder, name, *hdus, **primary):
    path = folder / name
    header = fits.Header()
    header.update(primary)
    fits.HDUList([fits.PrimaryHDU(header=header), *hdus]).writeto(path)
    return path


def flat(folder, name, value, **cards):
    """A file whose only image is in its first HDU."""
    path = folder / name
    header = fits.Header()
    header.update(cards)
    values = np.array(np.broadcast_to(value, SHAPE))
    fits.PrimaryHDU(values.astype('f4') if values.dtype.kind == 'f' else values, header).writeto(
        path
    )
    return path


def hst_drz(folder):
    cards = {'BUNIT': 'ELECTRONS/S', 'PHOTFLAM': 7.0e-20, 'PHOTPLAM': 8045.0}
    weight = np.full(SHAPE, 1200.0)
    weight[4, 0] = 0
    hdus = hdu(PIXELS, 'SCI', **cards), hdu(weight, 'WHT'), hdu(LADDER, 'CTX')
    primary = {'TELESCOP': 'HST', 'INSTRUME': 'ACS', 'DETECTOR': 'WFC', 'EXPTIME': 2000.0}
    return write(folder, 'jabc01010_drz.fits', *hdus, **primary)


def hst_flc(folder):
    cards = {'BUNIT': 'ELECTRONS', 'PHOTFLAM': 7.0e-20, 'PHOTPLAM': 8045.0}
    hdus = hdu(PIXELS, 'SCI', **cards), hdu(2.0, 'ERR', BUNIT='ELECTRONS'), hdu(LADDER, 'DQ')
    primary = {'TELESCOP': 'HST', 'INSTRUME': 'WFC3', 'DETECTOR': 'UVIS', 'EXPTIME': 100.0}
    return write(folder, 'iabc01q_flc.fits', *hdus, **primary)


def hst_ir(folder):
    cards = {'BUNIT': 'ELECTRONS/S', 'PHOTFLAM': 1.9e-20, 'PHOTPLAM': 15369.0}
    hdus = hdu(PIXELS, 'SCI', **cards), hdu(2.0, 'ERR', BUNIT='ELECTRONS/S'), hdu(LADDER, 'DQ')
    primary = {'TELESCOP': 'HST', 'INSTRUME': 'WFC3', 'DETECTOR': 'IR', 'EXPTIME': 100.0}
    return write(folder, 'iabc01q_flt.fits', *hdus, **primary)


def hst_mosaic(folder):
    primary = {'TELESCOP': 'HST', 'INSTRUME': 'ACS', 'BUNIT': 'ELECTRONS/S'}
    weight = np.full(SHAPE, 9.0)
    weight[3, 0] = 0
    flat(folder, 'hlsp_field_f814w_v1_wht.fits', weight)
    return flat(folder, 'hlsp_field_f814w_v1_drz.fits', PIXELS, **primary)


def jwst_i2d(folder):
    cards = {'BUNIT': 'MJy/sr', 'PIXAR_SR': 2.3e-14}
    hdus = (
        hdu(PIXELS, 'SCI', **cards),
        hdu(2.0, 'ERR', BUNIT='MJy/sr'),
        *(hdu(1.0, name) for name in ('CON', 'WHT', 'VAR_POISSON', 'VAR_RNOISE', 'VAR_FLAT')),
    )
    return write(folder, 'jw01345_i2d.fits', *hdus, TELESCOP='JWST', INSTRUME='NIRCAM')


def jwst_cal(folder):
    hdus = (
        hdu(PIXELS, 'SCI', BUNIT='MJy/sr'),
        hdu(2.0, 'ERR', BUNIT='MJy/sr'),
        hdu(LADDER, 'DQ'),
        *(hdu(1.0, name) for name in ('AREA', 'VAR_POISSON', 'VAR_RNOISE', 'VAR_FLAT')),
    )
    return write(folder, 'jw01345_nrca1_cal.fits', *hdus, TELESCOP='JWST', INSTRUME='NIRCAM')


def rubin(folder):
    hdus = hdu(PIXELS, 'IMAGE', BUNIT='nJy'), hdu(LADDER, 'MASK'), hdu(4.0, 'VARIANCE')
    return write(folder, 'deep_coadd.fits', *hdus, TELESCOP='Simonyi Survey Telescope')


def hsc(folder):
    planes = {'MP_BAD': 0, 'MP_SAT': 1, 'MP_INTRP': 2, 'MP_CR': 3, 'MP_EDGE': 4}
    planes |= {'HIERARCH MP_BRIGHT_OBJECT': 9, 'HIERARCH MP_NO_DATA': 8}
    hdus = hdu(PIXELS, 'IMAGE'), hdu(LADDER, 'MASK', **planes), hdu(4.0, 'VARIANCE')
    return write(folder, 'calexp-HSC-I-9813-4,4.fits', *hdus, FLUXMAG0=10 ** (0.4 * 27.0))


def des(folder):
    hdus = hdu(PIXELS, 'SCI', MAGZERO=30.0), hdu(LADDER, 'MSK'), hdu(0.25, 'WGT')
    return write(folder, 'DES0001-0124_r4575p02_g.fits', *hdus)


def community_pipeline(folder, **cards):
    codes = np.zeros(SHAPE, dtype='i4')
    codes[:9, 0] = np.arange(9)
    weight = np.full(SHAPE, 0.25)
    weight[10, 0] = 0
    for kind, value in (('ooi', PIXELS), ('oow', weight), ('ood', codes)):
        two = [hdu(value + k * (kind == 'ooi'), f'N{k + 1}') for k in range(2)]
        write(folder, f'c4d_140101_000000_{kind}_r_v1.fits', *two, PLVER='V3.9', **cards)
    return folder / 'c4d_140101_000000_ooi_r_v1.fits'


def decam(folder):
    return community_pipeline(folder, INSTRUME='DECam', MAGZERO=30.1, BUNIT='electrons')


def legacy(folder):
    names = ['NPRIMARY', 'BRIGHT', 'SATUR_G', 'SATUR_R', 'SATUR_Z', 'ALLMASK_G', 'ALLMASK_R']
    named = {f'MBIT_{bit}': name for bit, name in enumerate(names)}
    write(folder, 'legacysurvey-0001p000-maskbits.fits', hdu(LADDER, 'MASKBITS', **named))
    invvar = hdu(0.25, 'INVVAR', BUNIT='1/nanomaggy^2')
    write(folder, 'legacysurvey-0001p000-invvar-r.fits', invvar)
    image = hdu(PIXELS, 'IMAGE', BUNIT='nanomaggy')
    return write(folder, 'legacysurvey-0001p000-image-r.fits', image)


def kids(folder):
    weight = np.full(SHAPE, 3.0)
    weight[11, 0] = 0
    flat(folder, 'KiDS_DR4.0_131.0_1.5_r_wei.fits', weight)
    flat(folder, 'KiDS_DR4.0_131.0_1.5_r_msk.fits', LADDER)
    return flat(folder, 'KiDS_DR4.0_131.0_1.5_r_sci.fits', PIXELS, PHOTZP=0.0)


def sdss(folder):
    cards = {'TELESCOP': '2.5m', 'NMGY': 0.005, 'BUNIT': 'nanomaggy', 'FILTER': 'r'}
    path = flat(folder, 'frame-r-001000-1-0027.fits', PIXELS, **cards)
    with fits.open(path, mode='append') as hdulist:
        hdulist.append(fits.ImageHDU(np.ones(SHAPE[1], 'f4')))
        columns = [fits.Column('ALLSKY', '4E', array=np.ones((1, 4)))]
        hdulist.append(fits.BinTableHDU.from_columns(columns))
    return path


def panstarrs(folder):
    cards = {'BOFFSET': 0.5, 'BSOFTEN': 2.0}
    stored = POGSON * np.arcsinh((PIXELS.astype('f8') - 0.5) / 4)
    variance = POGSON * np.arcsinh((np.full(SHAPE, 4.0) - 0.5) / 4)
    name = 'rings.v3.skycell.1405.053.stk.r.unconv'
    write(folder, f'{name}.wt.fits', hdu(variance, **cards))
    write(folder, f'{name}.mask.fits', hdu(LADDER.astype('i2')))
    cards['HIERARCH FPA.ZP'] = 25.0
    return write(folder, f'{name}.fits', hdu(stored, EXPTIME=800.0, **cards))


def euclid_mer(folder):
    flat(folder, 'EUC_MER_MOSAIC-VIS-RMS_TILE102-AAAAAA_20241018T1Z_00.00.fits', 2.0)
    flat(folder, 'EUC_MER_MOSAIC-VIS-FLAG_TILE102-BBBBBB_20241018T1Z_00.00.fits', LADDER)
    # Of another tile and another band.
    flat(folder, 'EUC_MER_MOSAIC-VIS-RMS_TILE103-AAAAAA_20241018T1Z_00.00.fits', 7.0)
    flat(folder, 'EUC_MER_MOSAIC-NIR-H-RMS_TILE102-AAAAAA_20241018T1Z_00.00.fits', 8.0)
    name = 'EUC_MER_BGSUB-MOSAIC-VIS_TILE102-CCCCCC_20241018T1Z_00.00.fits'
    return flat(folder, name, PIXELS, TELESCOP='Euclid', MAGZERO=24.6)


def euclid_vis(folder):
    hdus = []
    for k, quadrant in enumerate(['1-1.E', '1-1.F']):
        hdus += [
            hdu(PIXELS + k, f'{quadrant}.SCI', MAGZEROP='24.56605', EXPTIME=560.0),
            hdu(2.0 + k, f'{quadrant}.RMS'),
            hdu(LADDER, f'{quadrant}.FLG'),
        ]
    return write(folder, 'EUC_VIS_SWL-DET-002681-00-1.fits', *hdus, TELESCOP='EUCLID')


def ab(photflam, photplam):
    """AB magnitude of 1 erg/s/cm2/Angstrom at a pivot wavelength, by astropy."""
    flux = photflam * u.Unit('erg s-1 cm-2 AA-1')
    return flux.to(u.ABmag, u.spectral_density(photplam * u.AA)).value


#: Maker of the files, layout, masked rows, standard deviation, AB magnitude of 1.
SURVEYS = {
    hst_drz: ('hst', [4], None, ab(7.0e-20, 8045)),
    hst_flc: (
        'hst',
        [0, 1, 2, 3, 5, 7, 8, 9, 10, 11],
        2.0,
        ab(7.0e-20, 8045) + 5,
    ),
    hst_ir: ('hst-ir', [0, 1, 2, 3, 4, 5, 7, 8, 10, 11], 2.0, ab(1.9e-20, 15369)),
    hst_mosaic: ('hst', [3], None, None),
    jwst_i2d: ('jwst', [], 2.0, None),
    jwst_cal: ('jwst', [0, 9], 2.0, None),
    # BAD, SAT, CR, EDGE, SUSPECT and NO_DATA.
    rubin: ('rubin', [0, 1, 3, 4, 7, 8], 2.0, None),
    hsc: ('hsc', [0, 1, 3, 4, 8], 2.0, 27.0),
    # BPM, SATURATE, BADAMP, CRAY, TRAIL, EDGEBLEED, SSXTALK, EDGE and STREAK.
    des: ('des', [0, 1, 3, 4, 6, 7, 8, 9, 10], 2.0, 30.0),
    decam: ('decam', [1, 2, 3, 4, 5, 6, 7, 8, 10], 2.0, 30.1),
    # SATUR_R and ALLMASK_R.
    legacy: ('legacy', [3, 6], 2.0, None),
    kids: ('kids', [0, 1, 2, 6, 7, 11], None, 0.0),
    sdss: ('sdss', [], None, None),
    # DETECTOR, FLAT, DARK, BLANK, CTE, SAT, LOW, CR and GHOST.
    panstarrs: (
        'panstarrs',
        [0, 1, 2, 3, 4, 5, 6, 8, 10],
        2.0,
        25 + 2.5 * np.log10(800),
    ),
    euclid_mer: ('euclid-mer', [0], 2.0, 24.6),
    euclid_vis: ('euclid-vis', [0], 2.0, 24.56605 + 2.5 * np.log10(560)),
}

UNITS = {
    hst_drz: 'electron/s',
    hst_flc: 'electron',
    jwst_i2d: 'MJy/sr',
    rubin: 'nJy',
    legacy: 'nmgy',
    sdss: 'nmgy',
    panstarrs: 'adu',
    euclid_vis: 'adu',
}


def masked_rows(mask):
    return [] if mask is None else np.flatnonzero(mask[:, 0]).tolist()


@pytest.mark.parametrize('make', SURVEYS)
def test_files_of_a_survey_are_read_as_its_documents_say(tmp_path, make):
    name, rows, deviation, zero_point = SURVEYS[make]
    path = make(tmp_path)
    image = read_image(path)
    assert image.meta['LAYOUT'] == name
    assert np.allclose(image.data, PIXELS, rtol=1e-5)
    assert masked_rows(image.mask) == rows
    assert image.mask is None or not image.mask[:, 1:].any()
    if deviation is None:
        assert image.uncertainty is None
    else:
        usable = np.isfinite(image.uncertainty.array)
        assert np.allclose(image.uncertainty.array[usable], deviation, rtol=1e-5)
    assert image.meta.get('ABZERO') == (
        None if zero_point is None else pytest.approx(zero_point, abs=1e-4)
    )
    if make in UNITS:
        assert image.unit == u.Unit(UNITS[make])
    assert 'HDUMISS' not in image.meta
    assert describe_image(image)[0] == f'layout: {name}'
    # By name, the same.
    again = read_image(path, layout=name)
    assert np.array_equal(again.data, image.data)
    assert masked_rows(again.mask) == rows
    alone = read_image(path, layout=None)
    assert np.array_equal(alone.data, image.data)
    assert alone.mask is None
    assert alone.uncertainty is None


@pytest.mark.parametrize('make', [decam, legacy, kids, panstarrs, euclid_mer, hst_mosaic])
def test_siblings_are_named_in_meta_and_in_the_description(tmp_path, make):
    path = make(tmp_path)
    image = read_image(path)
    beside = {other.name for other in tmp_path.iterdir()} - {path.name}
    said = ' '.join(str(image.meta.get(key, '')) for key in ('HDUMASK', 'HDUWHT', 'HDUUNC'))
    used = {name for name in beside if f'{name}[' in said}
    assert used == {name for name in beside if 'TILE103' not in name and 'NIR' not in name}
    lines = '\n'.join(describe_image(image))
    assert all(name in lines for name in used)


def test_the_chip_of_a_sibling_is_that_of_the_image(tmp_path):
    path = decam(tmp_path)
    with fits.open(tmp_path / 'c4d_140101_000000_oow_r_v1.fits', mode='update') as hdulist:
        hdulist['N2'].data = np.full(SHAPE, 0.0625, dtype='f4')
    second = read_image(path, hdu='N2')
    assert np.allclose(second.data, PIXELS + 1)
    assert np.allclose(second.uncertainty.array, 4)
    assert second.meta['HDUUNC'].startswith('c4d_140101_000000_oow_r_v1.fits[2 N2')


def test_a_zero_point_of_the_other_cameras_of_noirlab_is_unknown(tmp_path):
    path = community_pipeline(tmp_path, INSTRUME='90prime', MAGZERO=20.3, BUNIT='counts/s')
    image = read_image(path)
    assert image.meta['LAYOUT'] == 'noirlab'
    assert np.nanmedian(image.uncertainty.array) == pytest.approx(2)
    assert 'ABZERO' not in image.meta


def test_compressed_siblings_of_a_compressed_image(tmp_path):
    legacy(tmp_path)
    for path in list(tmp_path.iterdir()):
        with fits.open(path) as hdulist:
            values, header = hdulist[1].data, hdulist[1].header
            kinds = {'compression_type': 'GZIP_2', 'quantize_level': 0}
            packed = fits.CompImageHDU(values, header, **kinds)
            fits.HDUList([fits.PrimaryHDU(), packed]).writeto(f'{path}.fz')
        path.unlink()
    image = read_image(tmp_path / 'legacysurvey-0001p000-image-r.fits.fz')
    assert masked_rows(image.mask) == [3, 6]
    assert np.allclose(image.uncertainty.array, 2)


def test_bits_of_masks_that_do_not_name_them(tmp_path):
    path = legacy(tmp_path)
    (tmp_path / 'legacysurvey-0001p000-maskbits.fits').unlink()
    write(tmp_path, 'legacysurvey-0001p000-maskbits.fits', hdu(LADDER, 'MASKBITS'))
    image = read_image(path)
    assert masked_rows(image.mask) == [3, 6]
    assert image.meta['HDUMASK'].endswith(': SATUR_R, ALLMASK_R')


@pytest.mark.parametrize(
    ('make', 'names'),
    [
        (kids, ['KiDS_DR4.0_131.0_1.5_r_msk.fits*']),
        (decam, ['c4d_140101_000000_ood_r_v1.fits*', 'c4d_140101_000000_oow_r_v1.fits*']),
        (panstarrs, ['rings.v3.skycell.1405.053.stk.r.unconv.mask.fits*']),
    ],
)
def test_a_sibling_that_is_missing(tmp_path, make, names):
    path = make(tmp_path)
    for name in names:
        (tmp_path / name.rstrip('*')).unlink()
    image = read_image(path)
    name = image.meta['LAYOUT']
    missing = [each for each in names if 'ood' not in each]
    assert image.meta['HDUMISS'] == ', '.join(missing)
    assert f'not found: {image.meta["HDUMISS"]}' in describe_image(image)
    with pytest.raises(ImageError, match=f'The layout {name!r} needs ') as error:
        read_image(path, layout=name)
    assert all(each in str(error.value) for each in missing)


def test_a_layout_by_name_needs_the_names_of_its_files(tmp_path):
    path = flat(tmp_path, 'renamed.fits', PIXELS)
    assert read_image(path).meta['LAYOUT'] == 'general'
    with pytest.raises(ImageError, match=r"The layout 'kids' finds other files by the name"):
        read_image(path, layout='kids')


def test_a_sibling_of_another_shape(tmp_path):
    path = kids(tmp_path)
    (tmp_path / 'KiDS_DR4.0_131.0_1.5_r_wei.fits').unlink()
    fits.PrimaryHDU(np.ones((4, 5), 'f4')).writeto(tmp_path / 'KiDS_DR4.0_131.0_1.5_r_wei.fits')
    with pytest.warns(AstropyUserWarning, match=r'_wei\.fits is ignored: its shape, \(4, 5\)'):
        image = read_image(path)
    assert masked_rows(image.mask) == [0, 1, 2, 6, 7]
    with pytest.raises(ImageError, match=r'_wei\.fits does not fit .* its shape, \(4, 5\)'):
        read_image(path, layout='kids')


@pytest.mark.parametrize('content', [b'', b'SIMPLE', b'not FITS'])
def test_a_sibling_that_cannot_be_read_is_named(tmp_path, content):
    path = kids(tmp_path)
    (tmp_path / 'KiDS_DR4.0_131.0_1.5_r_wei.fits').write_bytes(content)
    with pytest.raises(ImageError, match=r'_wei\.fits'):
        read_image(path)


def test_sections_and_the_whole_are_read_alike(tmp_path):
    rng = np.random.default_rng(3)
    shape = (600, 640)
    image = rng.normal(size=shape).astype('f4')
    weight = np.where(rng.random(shape) < 0.1, 0, 2.0).astype('f4')
    mask = np.where(rng.random(shape) < 0.1, 64, 8).astype('i4')
    for kind, values in (('sci', image), ('wei', weight), ('msk', mask)):
        fits.PrimaryHDU(values).writeto(tmp_path / f'KiDS_1_r_{kind}.fits')
    path = tmp_path / 'KiDS_1_r_sci.fits'
    known = {'size': 16, 'positions': [(40, 50), (300, 11), (600, 580)], 'partial': 'fill'}
    stamps = StampSet.from_image(path, **known)
    whole = StampSet.from_image(read_image(path), **known)
    assert np.array_equal(stamps.pixels, whole.pixels, equal_nan=True)
    assert np.array_equal(stamps.mask, whole.mask)
    cut = (weight == 0) | (mask == 64)
    assert np.array_equal(stamps.mask[0], cut[42:58, 32:48])


def test_only_sections_of_siblings_are_read(tmp_path, monkeypatch):
    parts, original = [], PixelPlane.read

    def read(plane, part=(slice(None), slice(None))):
        parts.append(part)
        return original(plane, part)

    monkeypatch.setattr(PixelPlane, 'read', read)
    values = np.random.default_rng(3).normal(size=(1000, 1000)).astype('f4') + 9
    for kind in ('sci', 'wei', 'msk'):
        content = values if kind != 'msk' else np.zeros(values.shape, 'i4')
        fits.PrimaryHDU(content).writeto(tmp_path / f'KiDS_1_r_{kind}.fits')
    StampSet.from_image(tmp_path / 'KiDS_1_r_sci.fits', size=16, positions=[(40, 50)])
    assert len(parts) == 3
    assert all(rows.stop - rows.start == 16 for rows, _ in parts)


def test_an_open_file_has_its_siblings_too(tmp_path):
    path = kids(tmp_path)
    with fits.open(path) as hdulist:
        image = read_image(hdulist)
    assert image.meta['LAYOUT'] == 'kids'
    assert masked_rows(image.mask) == [0, 1, 2, 6, 7, 11]


def test_a_copy_keeps_its_zero_point(tmp_path):
    read_image(kids(tmp_path)).write(tmp_path / 'copy.fits')
    again = read_image(tmp_path / 'copy.fits')
    assert again.meta['LAYOUT'] == 'general'
    assert again.meta['ABZERO'] == 0
    assert masked_rows(again.mask) == [0, 1, 2, 6, 7, 11]


def test_pixels_of_asinh_may_be_left_as_they_are(tmp_path):
    path = panstarrs(tmp_path)
    stored = read_image(path, layout=replace(get_layout('panstarrs'), asinh=None))
    assert np.allclose(stored.data, POGSON * np.arcsinh((PIXELS - 0.5) / 4), rtol=1e-5)
    assert stored.meta['PIXELS'] == 'asinh of flux, as stored'
    assert 'BSOFTEN' not in stored.meta


def source_image(peak=50.0):
    y, x = np.mgrid[:64, :64]
    pixels = peak * np.exp(-((x - 32) ** 2 + (y - 31) ** 2) / 18)
    noise = np.random.default_rng(5).normal(0, 0.1, size=pixels.shape)
    return (pixels + noise).astype('f4')


def test_photometry_has_the_zero_point_of_the_survey(tmp_path):
    hdus = [
        fits.ImageHDU(source_image(), fits.Header({'MAGZERO': 30.0}), name='SCI'),
        fits.ImageHDU(np.zeros((64, 64), 'i4'), name='MSK'),
        fits.ImageHDU(np.full((64, 64), 100, 'f4'), name='WGT'),
    ]
    path = tmp_path / 'tile.fits'
    fits.HDUList([fits.PrimaryHDU(), *hdus]).writeto(path)
    stamps = StampSet.from_image(path, size=48, positions=[(32, 31)])
    assert stamps.bands[0].zero_point == 30 * u.ABmag
    found = measure_sources(stamps, background=0, progress=False).sources
    flux = found['kron_flux'][0].value
    assert found['magnitude'][0].value == pytest.approx(30 - 2.5 * np.log10(flux), abs=1e-5)
    given = measure_sources(stamps, background=0, zero_point=25, progress=False).sources
    assert given['magnitude'][0].value == pytest.approx(25 - 2.5 * np.log10(flux), abs=1e-5)


def test_bands_have_the_zero_points_and_masks_of_their_files(tmp_path):
    for band, zero_point, value in (('g', 30.0, 2), ('r', 29.5, 4)):
        flags = np.zeros((64, 64), 'i4')
        flags[30, 30] = value
        hdus = [
            fits.ImageHDU(source_image(), fits.Header({'MAGZERO': zero_point}), name='SCI'),
            fits.ImageHDU(flags, name='MSK'),
            fits.ImageHDU(np.full((64, 64), 100, 'f4'), name='WGT'),
        ]
        fits.HDUList([fits.PrimaryHDU(), *hdus]).writeto(tmp_path / f'{band}.fits')
    images = {'g': tmp_path / 'g.fits', 'r': tmp_path / 'r.fits'}
    known = {'size': 16, 'positions': [(32, 31)]}
    with pytest.warns(AstropyUserWarning, match='the same pixels'):
        stamps = StampSet.from_images(images, **known)
    assert [band.zero_point.value for band in stamps.bands] == [30, 29.5]
    assert np.allclose(stamps.uncertainty, 0.1)
    # Saturated in one band, interpolated in the other.
    assert stamps.mask[0].sum(axis=(0, 1)).tolist() == [1, 0]
    with pytest.warns(AstropyUserWarning, match='the same pixels'):
        stamps = StampSet.from_images(images, **known, bits={'g': 1, 'r': 4})
    assert stamps.mask[0].sum(axis=(0, 1)).tolist() == [0, 1]
    with pytest.warns(AstropyUserWarning, match='the same pixels'):
        alone = StampSet.from_images(images, **known, layout=None)
    assert alone.uncertainty is None


def test_surface_brightness_needs_no_zero_point(tmp_path):
    header = make_wcs((64, 64)).to_header()
    header['BUNIT'] = 'MJy/sr'
    hdulist = [fits.PrimaryHDU(), fits.ImageHDU(source_image(), header, name='SCI')]
    hdulist[0].header['TELESCOP'] = 'JWST'
    fits.HDUList(hdulist).writeto(tmp_path / 'jw_i2d.fits')
    stamps = StampSet.from_image(tmp_path / 'jw_i2d.fits', size=48, positions=[(32, 31)])
    found = measure_sources(stamps, background=0, progress=False).sources
    assert found['kron_flux'].unit == u.nJy
    expected = found['kron_flux'][0].to(u.ABmag).value
    assert found['magnitude'][0].value == pytest.approx(expected, abs=1e-4)


def test_every_layout_names_its_document():
    for layout in SURVEY_LAYOUTS:
        assert layout.title
        assert layout.source


def test_a_real_corner_of_a_ccd_with_weight_and_quality(real_data):
    folder = real_data / 'real' / 'decam'
    if not folder.is_dir():
        pytest.skip('no images of the community pipeline')
    (path,) = folder.glob('*_ooi_*')
    image = read_image(path)
    assert image.meta['LAYOUT'] == 'noirlab'
    assert '_ood_g_ls9.CCD4.fits[1 CCD4 (119 x 118)]: not 0' in image.meta['HDUMASK']
    assert '_oow_g_ls9.CCD4.fits[1 CCD4 (119 x 118)]' in image.meta['HDUUNC']
    assert image.mask is None
    # The scatter of the pixels, of which few belong to sources, is what the weights say.
    scatter = mad_std(image.data)
    assert np.median(image.uncertainty.array) == pytest.approx(scatter, rel=0.05)
    assert np.allclose(read_image(path, layout='noirlab').data, image.data)
    # 90prime: with MAGZERO the sky would be five magnitudes brighter than that of any site.
    assert 'ABZERO' not in image.meta


@pytest.mark.parametrize('name', ['ceers/ceers_f115w_12608.fits', 'kids_viking/r.fits'])
def test_real_images_of_no_survey_that_says_so(real_data, name):
    path = real_data / 'real' / name
    if not path.is_file():
        pytest.skip(f'no {name}')
    image = read_image(path)
    assert image.meta['LAYOUT'] == 'general'
    assert image.uncertainty is None
    assert len(describe_image(image)) >= 1
