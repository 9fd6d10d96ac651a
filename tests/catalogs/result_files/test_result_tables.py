"""Tables that the package makes, in all formats of files, read by this package and by others."""

import json
from pathlib import Path
from xml.etree import ElementTree

import numpy as np
import pytest
from astropy import units as u
from astropy.coordinates import SkyCoord
from astropy.io import fits, votable
from astropy.table import Column, MaskedColumn, QTable, Table
from astropy.time import Time
from astropy.utils.masked import Masked
from numpy.testing import assert_array_equal

from astro_wgan import measure_morphology, measure_sources
from astro_wgan.catalogs import read_table, write_table
from astro_wgan.evaluate import compare_populations, detection_rates
from astro_wgan.jobs.provenance import provenance_record
from astro_wgan.labeling import LabelFile, merge_labels
from astro_wgan.labeling.label_merging import join_labels
from astro_wgan.testing import make_stamps, make_wcs

ENDINGS = ('ecsv', 'fits', 'fits.gz', 'vot', 'parquet')


def of_all_types():
    table = QTable(
        {
            'id': ['a7', 'é <&>', '', '12'],
            'sky': SkyCoord([1, 2, 3, 4], [5, 6, 7, 8], unit='deg', frame='galactic'),
            'flux': Masked([1.0, np.nan, 3, 4] * u.nJy, mask=[False, False, True, False]),
            'score': np.array([1, np.nan, 3, np.inf], dtype=np.float32),
            'kind': MaskedColumn(['x', '', 'z', 'w'], mask=[False, False, True, True]),
            'label': MaskedColumn(['x', 'y', 'z', 'w'], mask=[False, False, True, True]),
            'count': MaskedColumn([2**62, 5, -3, 1], mask=[False, True, False, False]),
            'tiny': MaskedColumn(np.arange(4, dtype=np.int8), mask=[False, True, False, False]),
            'unsigned': MaskedColumn(np.arange(4, dtype=np.uint16), mask=[True, *[False] * 3]),
            'large': np.array([0, 1, 2**63, 3], dtype=np.uint64),
            'usable': MaskedColumn([True, False, True, True], mask=[True, False, False, False]),
            'when': Time([50000, 50001, 50002, 50003], format='mjd', scale='tdb'),
            'shape': MaskedColumn(np.arange(8.0).reshape(4, 2), mask=[[True, False]] * 4),
            'magnitude': [20.0, 21, 22, 23] * u.ABmag,
            'sb': [1.0, 2, 3, 4] * u.Unit('nmgy / arcsec2'),
        },
        meta={
            'survey': 'tief Süd',
            'version': 3,
            'limits': [1, 2.5, None, {'depth': 27.5 * u.ABmag}],
            'provenance': provenance_record(seed=3),
        },
    )
    table['flux'].info.description = 'Flux within 2 half-light radii.'
    return table


def photometry():
    wcs = [make_wcs((32, 32))] * 6
    return measure_sources(make_stamps(6, wcs=wcs), progress=False)


def morphology():
    pytest.importorskip('statmorph')
    return measure_morphology(make_stamps(3, shape=(48, 48), seed=2), progress=False)


def labels(folder):
    file = LabelFile(folder / 'labels.jsonl')
    for key, label in enumerate(('interesting', 'artifact', 'ordinary')):
        file.add([key + 1], label, by='anna')
    file.add([2], 'merger', by='ben')
    merged = merge_labels(file.table())
    return file.table(), join_labels(QTable({'id': np.arange(5), 'score': np.arange(5.0)}), merged)


def scores(folder):
    """As of a detector, without training one."""
    rng = np.random.default_rng(1)
    return QTable(
        {
            'id': np.arange(30),
            'score': rng.normal(size=30),
            'rank': np.arange(30),
            'class': np.where(np.arange(30) < 20, 'normal', 'merger'),
        }
    )


def comparison(folder):
    rng = np.random.default_rng(1)
    return compare_populations(
        rng.normal(size=40),
        rng.normal(size=30),
        n_resamples=20,
        progress=False,
    )


TABLES = {
    'all types': lambda folder: of_all_types(),
    'sources': lambda folder: photometry().sources,
    'photometry': lambda folder: photometry().stamps,
    'morphology': lambda folder: morphology(),
    'labels': lambda folder: labels(folder)[0],
    'joined labels': lambda folder: labels(folder)[1],
    'comparison': comparison,
    'rates': lambda folder: detection_rates(
        {'wgan': scores(folder)}, normal_scores={'wgan': np.arange(20.0)}
    ),
    'none': lambda folder: photometry().sources[:0],
}


@pytest.fixture(scope='module')
def made(tmp_path_factory):
    """Each table once."""
    known = {}

    def make(name):
        if name not in known:
            known[name] = TABLES[name](tmp_path_factory.mktemp('tables'))
        return known[name]

    return make


def mask_of(column):
    mask = getattr(column, 'mask', False)
    return np.broadcast_to(np.asarray(mask), column.shape)


def as_text(meta):
    return json.dumps(dict(meta), default=str, sort_keys=True)


def values_of(column):
    if isinstance(column, SkyCoord):
        return np.stack([column.data.lon.deg, column.data.lat.deg])
    if isinstance(column, Time):
        return np.stack([column.jd1, column.jd2])
    return np.asarray(getattr(column, 'unmasked', np.ma.getdata(column)))


@pytest.mark.parametrize('ending', ENDINGS)
@pytest.mark.parametrize('name', TABLES)
def test_a_table_is_the_same_when_it_is_read_again(name, ending, made, tmp_path):
    table = made(name)
    read = read_table(write_table(table, tmp_path / f'a.{ending}'))
    assert read.colnames == table.colnames
    for column in table.colnames:
        ours, theirs = table[column], read[column]
        # With empty text, a column of ECSV says which are masked, and is one that can be.
        assert type(theirs) is type(ours) or (ending == 'ecsv' and ours.dtype.kind == 'U'), column
        assert getattr(theirs, 'unit', None) == getattr(ours, 'unit', None)
        assert theirs.info.description == ours.info.description
        assert_array_equal(mask_of(theirs), mask_of(ours), err_msg=column)
        valid = ~mask_of(ours) if isinstance(ours, Column | u.Quantity) else slice(None)
        assert_array_equal(values_of(theirs)[valid], values_of(ours)[valid], err_msg=column)
        if values_of(ours).dtype.kind not in 'SU':
            assert values_of(theirs).dtype == values_of(ours).dtype, column
    meta = dict(read.meta)
    if ending == 'parquet' and 'provenance' not in table.meta:
        assert meta.pop('provenance')['versions']['astro_wgan']
    assert as_text(meta) == as_text(table.meta)


def test_astropy_reads_the_fits_table(tmp_path):
    table = of_all_types()
    path = write_table(table, tmp_path / 'a.fits')
    with pytest.warns(u.UnitsWarning):
        read = QTable.read(path, hdu=1)
    assert_array_equal(read['sky'].l.deg, table['sky'].l.deg)
    assert read['flux'].unit == u.nJy
    assert read['count'].mask.tolist() == [False, True, False, False]
    assert read['label'].mask.tolist() == [False, False, True, True]
    assert read.meta['VERSION'] == 3
    # Without astropy's reading of tables.
    with fits.open(path) as hdulist:
        hdulist.verify('exception')
        assert hdulist[1].columns['tiny'].null == 127
        assert hdulist[1].columns['sky.l'].unit == 'deg'
        assert hdulist[1].data['tiny'].tolist() == [0, 127, 2, 3]


def test_the_votable_is_valid_and_others_read_it(tmp_path):
    table = of_all_types()
    table.remove_column('sb')  # nanomaggies are no unit of VOTable
    path = write_table(table, tmp_path / 'a.vot')
    document = votable.parse(path, verify='exception')
    read = document.get_first_table().to_table(use_names_over_ids=True)
    assert read['flux'].unit == u.nJy
    assert read['count'].mask.tolist() == [False, True, False, False]
    # By a reader of XML alone.
    space = '{http://www.ivoa.net/xml/VOTable/v1.3}'
    root = ElementTree.parse(path).getroot()
    names = [field.get('name') for field in root.iter(f'{space}FIELD')]
    rows = [[cell.text for cell in row] for row in root.iter(f'{space}TR')]
    assert [row[names.index('id')] for row in rows] == ['a7', 'é <&>', None, '12']
    assert [float(row[names.index('sky.l')]) for row in rows] == [1, 2, 3, 4]
    fields = {field.get('name'): field for field in root.iter(f'{space}FIELD')}
    assert fields['flux'].get('unit') == 'nJy'
    assert fields['sky.l'].get('unit') == 'deg'
    assert fields['id'].get('ucd') == 'meta.id;meta.main'
    assert 'half-light' in fields['flux'].find(f'{space}DESCRIPTION').text
    infos = {info.get('name'): info.get('value') for info in root.iter(f'{space}INFO')}
    assert infos['version'] == '3'


def test_others_read_the_parquet_file_with_units(tmp_path):
    parquet = pytest.importorskip('pyarrow.parquet')
    path = write_table(of_all_types(), tmp_path / 'a.parquet')
    arrow = parquet.read_table(path)
    assert arrow.schema.field('flux').metadata[b'unit'] == b'nJy'
    assert arrow['count'].to_pylist() == [2**62, None, -3, 1]
    assert arrow['flux'].null_count == 1
    pandas = pytest.importorskip('pandas')
    frame = pandas.read_parquet(path)
    assert frame['label'].isna().tolist() == [False, False, True, True]


def test_csv_has_the_values_alone(tmp_path):
    table = of_all_types()
    table.remove_columns(['shape', 'large'])
    path = write_table(table, tmp_path / 'a.csv')
    read = read_table(path)
    assert read['sky.l'].tolist() == [1, 2, 3, 4]
    assert read['count'].tolist() == [2**62, None, -3, 1]
    with pytest.raises(ValueError, match="'shape' has arrays"):
        write_table(of_all_types(), tmp_path / 'b.csv')
    assert not (tmp_path / 'b.csv').exists()


@pytest.mark.parametrize(
    ('ending', 'column'),
    [
        ('vot', np.array([['a', 'b']] * 2)),
        ('parquet', np.array([['a', 'b']] * 2)),
        ('parquet', np.ones((2, 3, 3))),
    ],
)
def test_what_a_format_cannot_hold_is_refused(ending, column, tmp_path):
    with pytest.raises(ValueError, match="Column 'a' of `table`"):
        write_table(QTable({'a': column}), tmp_path / f'a.{ending}')
    assert not any(tmp_path.iterdir())


def test_paths_are_checked_before_anything_is_written(tmp_path):
    table = QTable({'id': [1]})
    with pytest.raises(ValueError, match=r"must end in one of \.ecsv, .*got 'a\.h5'"):
        write_table(table, tmp_path / 'a.h5')
    path = write_table(table, tmp_path / 'new' / 'a.ecsv')
    with pytest.raises(FileExistsError, match='`overwrite`'):
        write_table(QTable({'id': [2]}), path)
    write_table(QTable({'id': [2]}), path, overwrite=True)
    assert read_table(path)['id'].tolist() == [2]
    (tmp_path / 'b.vot').mkdir()
    with pytest.raises(FileExistsError, match='is no file'):
        write_table(table, tmp_path / 'b.vot', overwrite=True)
    with pytest.raises(TypeError, match='named columns'):
        write_table([1, 2], tmp_path / 'c.ecsv')


def test_astropy_reads_and_writes_results_by_its_registry(tmp_path):
    table = of_all_types()
    for ending in ENDINGS:
        table.write(tmp_path / f'a.{ending}', format='astro_wgan')
        read = QTable.read(tmp_path / f'a.{ending}', format='astro_wgan')
        assert read['label'].mask.tolist() == [False, False, True, True]
        assert type(Table.read(tmp_path / f'a.{ending}', format='astro_wgan')) is Table
    folder = tmp_path / 'hunt'
    folder.mkdir()
    write_table(table, folder / 'scores.ecsv')
    assert QTable.read(folder)['sky'].frame.name == 'galactic'
    with pytest.raises(ValueError, match='neither the scores of a completed hunt'):
        QTable.read(tmp_path, format='astro_wgan')


VOTABLE = (
    '<?xml version="1.0"?><VOTABLE version="1.3" xmlns="http://www.ivoa.net/xml/VOTable/v1.3">'
    '<RESOURCE><TABLE{0}><FIELD name="ra" datatype="double" unit="deg"{1}/><DATA><TABLEDATA>'
    '<TR><TD>3.5</TD></TR></TABLEDATA></DATA></TABLE></RESOURCE></VOTABLE>'
)


def test_votables_of_others_are_read(tmp_path):
    (tmp_path / 'a.xml').write_text(VOTABLE.format('', ''))
    assert read_table(tmp_path / 'a.xml')['ra'][0] == 3.5 * u.deg


@pytest.mark.parametrize(
    ('content', 'words'),
    [
        (VOTABLE.format(' nrows="99999999999"', ''), 'says that it has 99999999999 rows'),
        (VOTABLE.format('', ' arraysize="99999x99999"'), 'says that it has'),
        (VOTABLE.format('', f' arraysize="{"9" * 400}"'), '400 digits'),
        ('<!DOCTYPE a [<!ENTITY b "c">]>' + VOTABLE.format('', ''), 'declares entities'),
        (VOTABLE.format('', '')[:-40], 'no table that can be read'),
        (VOTABLE.format('', '').replace('deg', '10**9999999 m'), 'is not a unit'),
    ],
)
def test_malicious_votables_are_refused(content, words, tmp_path):
    (tmp_path / 'a.vot').write_text(content)
    with pytest.raises(ValueError, match=words):
        read_table(tmp_path / 'a.vot')


@pytest.mark.parametrize('ending', ['fits', 'vot', 'parquet', 'ecsv'])
def test_damaged_files_are_tables_or_refused_in_a_sentence(ending, tmp_path):
    content = Path(write_table(of_all_types(), tmp_path / f'a.{ending}')).read_bytes()
    rng = np.random.default_rng(1)
    for k in range(30):
        changed = np.frombuffer(content, np.uint8).copy()
        at = rng.integers(60, len(content), size=20)
        changed[at] = rng.integers(32, 127, size=20)
        part = changed.tobytes() if k % 2 else changed.tobytes()[: rng.integers(1, len(content))]
        (tmp_path / 'b').write_bytes(part)
        try:
            read = read_table(tmp_path / 'b')
        except ValueError as error:
            assert 'contains no table that can be read' in str(error)  # noqa: PT017
        else:
            assert isinstance(read, QTable)
