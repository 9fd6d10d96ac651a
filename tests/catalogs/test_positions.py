"""Positions as catalogs have them: names of columns, conventions, what is missing or ambiguous."""

import shutil
import subprocess
import warnings
from collections import namedtuple

import numpy as np
import pytest
from astropy import units as u
from astropy.coordinates import ICRS, SkyCoord
from astropy.io import fits
from astropy.nddata import CCDData
from astropy.table import MaskedColumn, QTable, Table
from astropy.time import Time
from astropy.utils.exceptions import AstropyUserWarning
from astropy.utils.masked import Masked
from photutils.detection import DAOStarFinder, find_peaks

from astro_wgan.catalogs import write_catalog
from astro_wgan.stamps import StampSet
from astro_wgan.testing import make_wcs

SHAPE = (90, 120)

#: Three places, as 0-based pixels.
X, Y = np.array([20.0, 60.3, 95.0]), np.array([30.0, 41.7, 60.0])


def image_wcs():
    return make_wcs(
        SHAPE,
        center=SkyCoord(150.1, 2.2, unit='deg'),
        reference_pixel=(59, 44),
        pixel_scale=0.36 * u.arcsec,
    )


#: By astropy, counting pixels from 0 and from 1.
RA, DEC = image_wcs().all_pix2world(X, Y, 0)
SKY = SkyCoord(RA, DEC, unit='deg')
X_FITS, Y_FITS = image_wcs().all_world2pix(RA, DEC, 1)


def make_image():
    return CCDData(np.random.default_rng(1).normal(size=SHAPE), unit='nJy', wcs=image_wcs())


def places(positions, image=None):
    table = StampSet.from_image(
        make_image() if image is None else image, size=9, positions=positions
    ).table
    return np.stack([table['x'].value, table['y'].value], axis=1)


def hms(sep):
    return SKY.ra.to_string('hourangle', sep=sep, precision=5)


def dms(sep):
    return SKY.dec.to_string('deg', sep=sep, precision=4)


def with_unit(values, unit):
    table = Table({'c': values})
    table['c'].unit = unit
    return table['c']


def parts_of_angles():
    ra, dec = SKY.ra.hms, SKY.dec.signed_dms
    return {
        'RAh': ra.h.astype(int) * u.hour,
        'RAm': ra.m.astype(int) * u.min,
        'RAs': ra.s * u.s,
        'DE-': np.where(dec.sign < 0, '-', '+'),
        'DEd': dec.d.astype(int) * u.deg,
        'DEm': dec.m.astype(int) * u.arcmin,
        'DEs': dec.s * u.arcsec,
    }


TABLES = {
    'x, y': lambda: {'x': X, 'y': Y},
    'photutils': lambda: {'id': [1, 2, 3], 'xcentroid': X, 'ycentroid': Y},
    'photutils 3': lambda: {'x_centroid': X, 'y_centroid': Y},
    'SExtractor': lambda: {'NUMBER': [1, 2, 3], 'X_IMAGE': X_FITS, 'Y_IMAGE': Y_FITS},
    'SExtractor in pixels': lambda: {'X_IMAGE': X_FITS * u.pix, 'Y_IMAGE': Y_FITS * u.pix},
    'SExtractor in doubles': lambda: {'X_IMAGE_DBL': X_FITS, 'Y_IMAGE_DBL': Y_FITS},
    'parameters of a fit': lambda: {'x_0': X, 'y_0': Y, 'x_init': X, 'y_init': Y},
    'ObsCore': lambda: {'s_ra': RA, 's_dec': DEC},
    'windowed': lambda: {'XWIN_IMAGE': X_FITS, 'YWIN_IMAGE': Y_FITS},
    'all of SExtractor': lambda: {
        'X_IMAGE': X_FITS,
        'Y_IMAGE': Y_FITS,
        'XWIN_IMAGE': X_FITS + 0.4,
        'YWIN_IMAGE': Y_FITS - 0.3,
        'ALPHA_J2000': RA,
        'DELTA_J2000': DEC,
    },
    'ALPHA_J2000': lambda: {'ALPHA_J2000': RA, 'DELTA_J2000': DEC},
    'ALPHAWIN_J2000': lambda: {'ALPHAWIN_J2000': RA * u.deg, 'DELTAWIN_J2000': DEC * u.deg},
    'RAJ2000': lambda: {'RAJ2000': RA, 'DEJ2000': DEC},
    '_RAJ2000': lambda: {'_RAJ2000': RA, '_DEJ2000': DEC},
    'RA_ICRS': lambda: {'RA_ICRS': RA, 'DE_ICRS': DEC},
    'hours': lambda: {'RA': RA / 15 * u.hourangle, 'DEC': DEC * u.deg},
    'hours, as a time': lambda: {'RA': RA / 15 * u.hour, 'DEC': DEC * u.deg},
    'radians': lambda: {'ra': np.radians(RA) * u.rad, 'dec': np.radians(DEC) * u.rad},
    'degrees by another name': lambda: {
        'ra': with_unit(RA, 'degrees'),
        'dec': with_unit(DEC, 'degrees'),
    },
    'hms': lambda: {'ra': hms('fromunit'), 'dec': dms('fromunit')},
    'colons': lambda: {'ra': hms(':'), 'dec': dms(':')},
    'blanks': lambda: {'RAJ2000': hms(' '), 'DEJ2000': dms(' ')},
    'colons in hours': lambda: {'ra': with_unit(hms(':'), 'hourangle'), 'dec': dms(':')},
    'colons as VizieR has them': lambda: {
        'RAJ2000': with_unit(hms(':'), '"h:m:s"'),
        'DEJ2000': with_unit(dms(':'), '"d:m:s"'),
    },
    'colons in degrees': lambda: {
        'ra': with_unit(SKY.ra.to_string('deg', sep=':', precision=4), 'deg'),
        'dec': with_unit(dms(':'), 'deg'),
    },
    'text of degrees': lambda: {'ra': [repr(float(v)) for v in RA], 'dec': DEC},
    'bytes': lambda: {'ra': np.char.encode(hms(':')), 'dec': np.char.encode(dms(':'))},
    'objects': lambda: {'ra': hms(':').astype(object), 'dec': DEC.astype(object)},
    'parts, as journals have them': lambda: parts_of_angles(),
    'galactic': lambda: {'GLON': SKY.galactic.l.deg, 'GLAT': SKY.galactic.b.deg},
    'SkyCoord': lambda: {'where': SKY.galactic},
    'the same twice': lambda: {'icrs': SKY, 'gal': SKY.galactic},
    'sky and pixels': lambda: {'x': X, 'y': Y, 'sky': SKY},
    'pixels of another image': lambda: {'x': X + 5000, 'y': Y, 'ra': RA, 'dec': DEC},
    'sky of another field': lambda: {'x': X, 'y': Y, 'ra': RA + 20, 'dec': DEC},
    'Gaia': lambda: {'source_id': [1, 2, 3], 'ra': RA, 'dec': DEC, 'l': X, 'b': Y},
}


@pytest.mark.parametrize('name', TABLES)
@pytest.mark.parametrize('kind', [Table, QTable, dict])
def test_columns_as_catalogs_have_them(name, kind):
    columns = TABLES[name]()
    with warnings.catch_warnings():
        # Of astropy making a QTable: text with a unit stays text.
        warnings.filterwarnings('ignore', 'column .* has a unit but is kept')
        table = kind(Table(columns) if kind is QTable else columns)
    found = places(table)
    assert found == pytest.approx(np.stack([X, Y], axis=1), abs=1e-3)


#: A data frame holds neither units nor SkyCoord.
FRAMES = [
    name
    for name, columns in TABLES.items()
    if not any(isinstance(c, SkyCoord) or getattr(c, 'unit', None) for c in columns().values())
]


@pytest.mark.parametrize('name', FRAMES)
def test_data_frames_go_by_their_names(name):
    pandas = pytest.importorskip('pandas')
    columns = TABLES[name]()
    frame = pandas.DataFrame({k: [*c] for k, c in columns.items()}, index=[7, 5, 9])
    found = places(frame)
    assert found == pytest.approx(np.stack([X, Y], axis=1), abs=1e-3)
    # In any order of the columns.
    assert np.array_equal(places(frame[frame.columns[::-1]]), found)


def test_columns_of_a_data_frame_follow_the_stamps():
    pandas = pytest.importorskip('pandas')
    frame = pandas.DataFrame(
        {
            'dec': DEC,
            'ra': RA,
            'id': ['a', 'b', 'c'],
            'class': pandas.Categorical(['disk', None, 'pair']),
            'count': pandas.array([1, None, 3], dtype='Int64'),
            'z': [0.1, np.nan, 0.3],
            'seen': pandas.to_datetime(['2020-01-01T00:00:00', None, '2020-03-01T12:00:00']),
            'good': [True, False, True],
        }
    )
    table = StampSet.from_image(make_image(), size=9, positions=frame).table
    assert table['id'].tolist() == ['a', 'b', 'c']
    assert table['class'].tolist() == ['disk', None, 'pair']
    assert table['count'].tolist() == [1, None, 3]
    assert table['count'].dtype.kind == 'i'
    assert table['z'][2] == 0.3
    assert table['seen'].mask.tolist() == [False, True, False]
    assert table['seen'][2].isot == '2020-03-01T12:00:00.000'
    assert table['good'].tolist() == [True, False, True]
    stamps = StampSet(np.ones((3, 4, 4)), table=frame)
    assert stamps.ids.tolist() == ['a', 'b', 'c']


@pytest.mark.parametrize('kind', ['columns', 'column_names'])
def test_any_frame_goes_by_its_names(kind):
    class Scalar:
        def __init__(self, value):
            self.value = value

        def as_py(self):
            return self.value

    class Series(list):
        dtype = type = 'int64'

        def __array__(self, dtype=None, copy=None):
            # As polars and pyarrow do with whole numbers of which one is missing.
            return np.array([np.nan if v.value is None else v.value for v in self], dtype=float)

        def __iter__(self):
            return (Scalar(value) for value in super().__iter__())

    data = {'dec': DEC, 'ra': RA, 'count': Series([2**60 + 1, None, 3])}

    class Frame:
        def __getitem__(self, name):
            return data[name]

    setattr(Frame, kind, property(lambda self: [*data]))
    table = StampSet.from_image(make_image(), size=9, positions=Frame()).table
    assert table['x'].value == pytest.approx(X, abs=1e-6)
    assert table['count'].tolist() == [2**60 + 1, None, 3]


def test_the_index_of_a_data_frame_may_hold_the_ids():
    pandas = pytest.importorskip('pandas')
    frame = pandas.DataFrame({'id': [2**62 + 1, 5, 7], 'x': X, 'y': Y}).set_index('id')
    stamps = StampSet.from_image(make_image(), size=9, positions=frame)
    assert stamps.ids.tolist() == [2**62 + 1, 5, 7]
    assert StampSet.from_image(make_image(), size=9, positions=frame.iloc[[2, 0]]).ids.tolist() == [
        7,
        2**62 + 1,
    ]
    frame.index.name = None
    assert StampSet.from_image(make_image(), size=9, positions=frame).ids.tolist() == [0, 1, 2]


@pytest.mark.parametrize('dtype', ['Float64', object])
def test_what_a_data_frame_lacks_is_refused(dtype):
    pandas = pytest.importorskip('pandas')
    frame = pandas.DataFrame({'ra': [RA[0], None, RA[2]], 'dec': DEC}).astype({'ra': dtype})
    with pytest.raises(ValueError, match='1 are not, the first in row 1'):
        places(frame)


def test_records_archives_and_rows():
    table = Table({'id': [4, 5, 6], 'RA': RA, 'DEC': DEC})
    hdu = fits.BinTableHDU(table)

    class Result:
        def to_table(self):
            return table

    right = np.stack([X, Y], axis=1)
    for positions in (table.as_array(), hdu, hdu.data, Result(), QTable(table)):
        assert places(positions) == pytest.approx(right, abs=1e-6)
    assert places(table[1]) == pytest.approx(right[1:2], abs=1e-6)


def _row_of_pandas(table):
    return pytest.importorskip('pandas').DataFrame(dict(table.columns.items())).iloc[1]


@pytest.mark.parametrize(
    'row_of',
    [
        lambda table: namedtuple('Place', table.colnames)(*table[1]),
        lambda table: dict(table[1]),
        lambda table: table.as_array()[1],
        lambda table: fits.BinTableHDU(table).data[1],
        lambda table: table[1],
        _row_of_pandas,
    ],
    ids=['named tuple', 'dictionary', 'structured', 'FITS', 'astropy', 'pandas'],
)
def test_rows_go_by_their_names(row_of):
    # As sequences, they would be (y, x).
    row = row_of(Table({'y': Y, 'x': X}))
    right = np.array([[X[1], Y[1]]])
    assert places(row) == pytest.approx(right)
    assert places([row, row]) == pytest.approx(np.repeat(right, 2, axis=0))


def test_parts_of_a_southern_declination():
    wcs = image_wcs()
    wcs.wcs.crval = 150.1, -0.004
    sky = wcs.pixel_to_world(X, Y)
    assert (sky.dec.deg > -1).all()
    dec = sky.dec.signed_dms
    columns = parts_of_angles() | {
        'RAs': sky.ra.hms.s,
        'DE-': np.where(dec.sign < 0, '-', ''),
        'DEd': dec.d.astype(int),
        'DEm': dec.m.astype(int),
        'DEs': dec.s,
    }
    columns |= {'RAh': sky.ra.hms.h.astype(int), 'RAm': sky.ra.hms.m.astype(int)}
    image = CCDData(np.zeros(SHAPE), unit='adu', wcs=wcs)
    assert places(Table(columns), image) == pytest.approx(np.stack([X, Y], axis=1), abs=1e-4)
    columns['DEs'] = MaskedColumn(columns['DEs'], mask=[0, 1, 0])
    with pytest.raises(ValueError, match=r'first in row 1 \(columns RAh to DEs'):
        places(Table(columns), image)


def test_several_sky_positions_in_a_list():
    right = np.stack([X, Y], axis=1)
    assert places([SKY[0], SKY[1:].galactic]) == pytest.approx(right, abs=1e-6)
    assert places(ICRS(SKY.ra, SKY.dec)) == pytest.approx(right, abs=1e-6)


# Conventions, by the programs that have them


def make_stars():
    """An image with round Gaussians at the three places, and noise."""
    y, x = np.indices(SHAPE)
    light = sum(
        np.exp(-((x - x0) ** 2 + (y - y0) ** 2) / 2 / 2**2) for x0, y0 in zip(X, Y, strict=True)
    )
    noise = np.random.default_rng(2).normal(0, 0.01, SHAPE)
    return CCDData(10 * light + noise, unit='adu', wcs=image_wcs())


def test_photutils_counts_as_we_do():
    image = make_stars()
    order = np.argsort(X)
    found = DAOStarFinder(1, fwhm=4.7)(image.data)
    assert np.sort(places(found, image)[:, 0]) == pytest.approx(X[order], abs=0.1)
    found = find_peaks(image.data, 3)
    assert np.sort(places(found, image)[:, 0]) == pytest.approx(X[order], abs=0.51)


@pytest.mark.sextractor
def test_sextractor_counts_from_one(tmp_path):
    program = shutil.which('source-extractor') or shutil.which('sex')
    if program is None:
        pytest.skip('needs the program SExtractor (package source-extractor)')
    image = make_stars()
    fits.PrimaryHDU(image.data.astype('f4'), image_wcs().to_header()).writeto(tmp_path / 'a.fits')
    names = ['X_IMAGE', 'Y_IMAGE', 'XWIN_IMAGE', 'YWIN_IMAGE', 'ALPHA_J2000', 'DELTA_J2000']
    (tmp_path / 'a.param').write_text('\n'.join(names))
    (tmp_path / 'a.conv').write_text('CONV NORM\n1 2 1\n2 4 2\n1 2 1\n')
    options = {
        'PARAMETERS_NAME': 'a.param',
        'FILTER_NAME': 'a.conv',
        'CATALOG_NAME': 'a.cat',
        'CATALOG_TYPE': 'ASCII_HEAD',
        'DETECT_THRESH': '20',
    }
    command = [program, 'a.fits', *(f'-{k} {v}' for k, v in options.items())]
    subprocess.run(' '.join(command).split(), cwd=tmp_path, check=True, capture_output=True)
    catalog = Table.read(tmp_path / 'a.cat', format='ascii.sextractor')
    assert len(catalog) == 3
    order = np.argsort(X)
    right = np.stack([X, Y], axis=1)[order]
    for columns in (names, names[:2], names[2:4], names[4:]):
        found = places(catalog[columns], image)
        assert found[np.argsort(found[:, 0])] == pytest.approx(right, abs=0.05)


# What is refused


@pytest.mark.parametrize(
    ('positions', 'message'),
    [
        (SkyCoord(Masked(RA, [0, 1, 0]) * u.deg, Masked(DEC, [0, 1, 1]) * u.deg), 'rows 1, 2'),
        (
            QTable({'c': SkyCoord(Masked(RA, [0, 1, 0]) * u.deg, Masked(DEC, False) * u.deg)}),
            'columns c',
        ),
        ([SKY[0], SkyCoord(Masked([1.0], [True]) * u.deg, [1] * u.deg)], 'row 1'),
        (np.ma.array([(1, 2), (3, 4)], mask=[(0, 0), (0, 1)]), 'row 1'),
        (Masked([(1.0, 2), (3, 4)], mask=[(1, 0), (0, 1)]), 'rows 0, 1'),
        (Masked([(1.0, 2), (3, 4)] * u.pix, mask=[(1, 0), (0, 0)]), 'row 0'),
        (QTable({'x': Masked(X * u.pix, [0, 0, 1]), 'y': Y}), 'columns x and y'),
        (Table({'X_IMAGE': MaskedColumn(X, mask=[0, 0, 1]), 'Y_IMAGE': Y}), 'row 2'),
        (Table({'x': ['1', '', '3'], 'y': Y}), 'row 1'),
        (Table({'ra': ['10:00:24', '--', 'nan'], 'dec': DEC}), 'rows 1, 2'),
        (Table({'ra': np.array([RA[0], None, RA[1]], dtype=object), 'dec': DEC}), 'row 1'),
    ],
)
def test_positions_that_are_missing_are_refused(positions, message):
    with pytest.raises(ValueError, match=r'`positions` must be finite; .*' + message):
        places(positions)


def test_missing_ids_are_named_by_their_row_in_the_table():
    table = Table({'id': MaskedColumn([1, 2, 3], mask=[0, 0, 1]), 'x': [-500.0, 60, 50], 'y': Y})
    with pytest.raises(ValueError, match='Column `id` has no value in row 2'):
        places(table)


def test_an_id_that_is_nan_is_told_by_its_row():
    with pytest.warns(AstropyUserWarning, match='Column `id` is NaN in row 2: other tables'):
        stamps = StampSet(np.zeros((3, 8, 8)), table=QTable({'id': [1.0, 1.5, np.nan]}))
    assert stamps.ids[:2].tolist() == [1.0, 1.5]
    assert np.isnan(stamps.ids[2])


@pytest.mark.parametrize(
    ('columns', 'message'),
    [
        ({'x': X, 'y': Y, 'ra': RA, 'dec': DEC + 0.001}, '10.0 pixels apart in row'),
        (
            {'X_IMAGE': X_FITS, 'Y_IMAGE': Y_FITS[::-1], 'ALPHA_J2000': RA, 'DELTA_J2000': DEC},
            'apar',
        ),
        ({'x': X_FITS, 'y': Y_FITS, 'ra': RA, 'dec': DEC}, 'differ by one pixel'),
        ({'X_IMAGE': X, 'Y_IMAGE': Y, 'ra': RA, 'dec': DEC}, 'differ by one pixel'),
        ({'lens': SKY, 'source': SKY[[1, 0, 2]]}, 'lens of `positions` and source disagree'),
        ({'ra': RA, 'RA': RA + 1, 'dec': DEC}, 'several pairs of columns, ra, RA, dec: keep one'),
        ({'ra': RA, 'b': DEC}, 'as a table must have the columns x and y'),
        ({'ra': RA, 'dec': DEC - 99}, 'are not a valid sky position in 3 rows; the first is row 0'),
        ({'ra': [RA[0], -999, RA[1]], 'dec': DEC}, 'valid sky position in 1 rows.*row 1, -999'),
        ({'ra': ['10:99:99'] * 3, 'dec': DEC}, 'Column ra of `positions` must hold numbers, or te'),
        ({'ra': ['150:06:00'] * 3, 'dec': DEC}, 'Text in degrees needs the unit deg'),
        ({'ra': with_unit(RA, 'parsecs'), 'dec': DEC}, "is in 'parsecs', which astropy does n"),
        ({'ra': RA * u.pix, 'dec': DEC}, 'Column ra of `positions` must be an angle.* got pix'),
        ({'x': X * u.deg, 'y': Y}, 'Column x of `positions` must be in pixels.* got deg'),
    ],
)
def test_what_is_ambiguous_or_wrong_is_refused(columns, message):
    with pytest.raises(ValueError, match=message):
        places(Table(columns))


def test_pixels_that_are_given_in_two_rows_are_to_be_transposed():
    with pytest.raises(ValueError, match=r'must have the shape \(n, 2\); got \(2, 3\). Transp'):
        places(np.stack([X, Y]))
    with pytest.raises(u.UnitConversionError, match=r'`positions` must be in pixels.*got deg'):
        places([(1, 2)] * u.deg)


def test_values_without_names_are_not_taken_for_pixels():
    class Frame:
        def __array__(self, dtype=None, copy=None):
            return np.stack([RA, DEC], axis=1)

    with pytest.raises(TypeError, match=r'`positions` must be an array.*got Frame'):
        places(Frame())


def test_sky_of_a_table_stays_where_the_image_has_none():
    image = np.zeros(SHAPE)
    table = StampSet.from_image(image, size=9, positions=QTable({'x': X, 'y': Y, 'sky': SKY})).table
    assert table['sky'].separation(SKY).max() == 0


ODD = {
    'vectors': {'x': np.ones((2, 2)), 'y': np.ones((2, 2))},
    'truth values': {'x': np.array([True, False]), 'y': np.ones(2)},
    'complex numbers': {'x': np.array([1j, 2j]), 'y': np.ones(2)},
    'records': {'x': np.zeros(2, dtype=[('a', float)]), 'y': np.ones(2)},
    'dates': {'x': Time([6e4, 6e4], format='mjd'), 'y': np.ones(2)},
    'text': {'x': np.array(['a', 'b']), 'y': np.ones(2)},
}


@pytest.mark.parametrize('kind', ODD)
def test_columns_of_no_real_numbers_are_no_pixels(kind):
    """NumPy would take truth values, the real part of complex numbers, and the days of dates."""
    with pytest.raises(ValueError, match='Column x of `positions` must hold '):
        StampSet.from_image(np.ones((50, 50)), size=8, positions=QTable(ODD[kind]))


def test_columns_of_different_lengths_are_no_table():
    with pytest.raises(ValueError, match='A dictionary of columns cannot be made a table'):
        StampSet.from_image(np.ones((50, 50)), size=8, positions={'x': [1.0], 'y': [1.0, 2.0]})


def test_a_horizon_without_a_place_is_none_on_the_sky():
    wcs = make_wcs((50, 50))
    image = CCDData(np.ones((50, 50)), unit='nJy', wcs=wcs)
    for positions in (
        SkyCoord([1, 2], [3, 4], unit='deg', frame='altaz'),
        QTable({'place': SkyCoord([1, 2], [3, 4], unit='deg', frame='altaz')}),
    ):
        with pytest.raises(ValueError, match="`positions` in the frame 'altaz' do not convert"):
            StampSet.from_image(image, size=8, positions=positions)


def test_positions_in_space_are_directions():
    wcs = make_wcs((50, 50), center=SkyCoord(0, 0, unit='deg'), reference_pixel=(19, 29))
    image = CCDData(np.ones((50, 50)), unit='nJy', wcs=wcs)
    place = SkyCoord(x=[2], y=[0], z=[0], unit='kpc', representation_type='cartesian')
    table = StampSet.from_image(image, size=8, positions=place).table
    assert (table['x'].value[0], table['y'].value[0]) == pytest.approx((19, 29))


@pytest.mark.parametrize('name', ['a.parquet', 'a'])
def test_of_a_catalog_on_disk_only_the_sources_in_the_image_are_taken(tmp_path, name):
    pytest.importorskip('pyarrow')
    rng = np.random.default_rng(3)
    # Positions around the image, and in it, with the pixels of another image.
    ra, dec = image_wcs().all_pix2world(rng.uniform(-200, 300, 400), rng.uniform(-200, 300, 400), 0)
    table = {'id': np.arange(403), 'x': rng.uniform(0, 90, 403), 'y': rng.uniform(0, 90, 403)}
    table |= {'ra': np.r_[ra, RA], 'dec': np.r_[dec, DEC], 'mag': rng.normal(size=403)}
    write_catalog(table, tmp_path / name, partition_rows=50)
    found = StampSet.from_image(
        make_image(), size=9, positions=tmp_path / name, partial='fill'
    ).table
    x, y = image_wcs().all_world2pix(table['ra'], table['dec'], 0)
    inside = (np.abs(x - 59.5) < 60) & (np.abs(y - 44.5) < 45)
    assert 10 < inside.sum() < 60
    assert sorted(found['id']) == table['id'][inside].tolist()
    rows = np.asarray(found['id'])
    np.testing.assert_allclose(found['x'].value, x[rows], atol=1e-6)
    np.testing.assert_allclose(found['y'].value, y[rows], atol=1e-6)
    np.testing.assert_array_equal(found['mag'], table['mag'][rows])


def test_tables_in_files_are_those_in_memory(tmp_path):
    table = QTable({'id': [4, 5, 6], 'ra': RA, 'dec': DEC})
    table.write(tmp_path / 'a.ecsv')
    np.testing.assert_allclose(places(tmp_path / 'a.ecsv'), places(table))
    table.write(tmp_path / 'a.fits')
    np.testing.assert_allclose(places(str(tmp_path / 'a.fits')), places(table))


def test_catalogs_on_disk_need_a_wcs_and_a_source_in_the_image(tmp_path):
    pytest.importorskip('pyarrow')
    path = write_catalog({'ra': RA + 1, 'dec': DEC}, tmp_path / 'a.parquet')
    with pytest.raises(ValueError, match=r'No source of the catalog .*a\.parquet .* in the image'):
        places(path)
    with pytest.raises(ValueError, match='is a catalog of the sky, but the image has no'):
        places(path, CCDData(np.zeros(SHAPE), unit='nJy'))
