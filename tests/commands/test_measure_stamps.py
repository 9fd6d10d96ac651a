"""Photometry and morphology by commands: the tables of the library, in each format."""

import numpy as np
import pytest
from astropy.table import QTable

from astro_wgan import StampSet
from astro_wgan.catalogs.table_files import read_table
from astro_wgan.cli import main
from astro_wgan.commands.measure_stamps import zero_points_of_text
from astro_wgan.detection import DetectionConfig
from astro_wgan.morphology import measure_morphology
from astro_wgan.sources import measure_sources


def same_columns(found, expected):
    assert {*expected.colnames} <= {*found.colnames}
    for name in expected.colnames:
        if getattr(expected[name], 'dtype', np.dtype(bool)).kind == 'f':
            columns = found[name], expected[name]
            assert len({str(getattr(column, 'unit', None)) for column in columns}) == 1
            values = [np.asarray(getattr(column, 'value', column)) for column in columns]
            np.testing.assert_allclose(*values, rtol=1e-6, err_msg=name)


@pytest.mark.parametrize('name', ['photometry.ecsv', 'photometry.vot', 'photometry.fits'])
def test_photometry_is_that_of_the_library(store, stamps, tmp_path, answer, name):
    options = ['--threshold', '3', '--background', '0', '--zero-point', '25']
    sources = tmp_path / 'sources.ecsv'
    code, said = answer(
        'measure', store, '--output', tmp_path / name, '--sources', sources, *options
    )
    expected = measure_sources(
        stamps, detection=DetectionConfig(3, background=0.0), zero_point=25, progress=False
    )
    same_columns(read_table(tmp_path / name), expected.stamps)
    same_columns(read_table(sources), expected.sources)
    assert (code, said['n_stamps'], said['n_sources']) == (0, 60, len(expected.sources))
    assert said['status'] == expected.stamps.meta['status']
    assert sorted(path.name for path in tmp_path.iterdir()) == sorted([name, 'sources.ecsv'])
    again = tmp_path / 'again.ecsv'
    assert answer('measure', '--config', tmp_path / name, '--output', again)[0] == 0
    same_columns(read_table(again), expected.stamps)


def test_sources_of_an_image_are_measured(field, tmp_path, answer):
    QTable({'id': [4, 9, 5], 'x': [43, 71, 900], 'y': [15, 99, 9]}).write(tmp_path / 'p.ecsv')
    output = tmp_path / 'a.ecsv'
    options = ['--positions', tmp_path / 'p.ecsv', '--size', '24', '--output', output]
    assert answer('measure', field, *options)[0] == 0
    stamps = StampSet.from_image(
        field, positions=tmp_path / 'p.ecsv', size=24, partial='fill', outside='keep'
    )
    same_columns(QTable.read(output), measure_sources(stamps, progress=False).stamps)


def test_tables_replace_neither_inputs_nor_each_other(field, store, tmp_path, answer):
    positions = tmp_path / 'positions.ecsv'
    QTable({'id': [4], 'x': [43], 'y': [15]}).write(positions)
    content = positions.read_bytes()
    options = ['--positions', positions, '--size', '24']
    for command in ('measure', 'morphology'):
        code, said = answer(command, field, *options, '--output', positions)
        assert code == 2
        assert f'`--output` must be another file than {positions}' in said['error']
    output = tmp_path / 'a.ecsv'
    code, said = answer('measure', store, '--output', output, '--sources', output)
    assert code == 2
    assert f'`--sources` must be another file than {output}' in said['error']
    assert positions.read_bytes() == content
    assert [path.name for path in tmp_path.iterdir()] == ['positions.ecsv']


def test_an_interrupted_measurement_goes_on(store, tmp_path, answer, monkeypatch):
    def interrupted(*arguments, **options):
        raise KeyboardInterrupt

    output = tmp_path / 'a.ecsv'
    with monkeypatch.context() as patch:
        patch.setattr('astro_wgan.sources.photometry.photometry_tables', interrupted)
        assert main(['measure', store, '--output', output, '--quiet']) == 130
    assert [path.name for path in tmp_path.iterdir()] == ['a.ecsv.unfinished.npz']
    code, said = answer('measure', store, '--output', output, '--threshold', '9')
    assert code == 2
    assert 'belongs to other settings: `detection.threshold` was 1.5 and is 9' in said['error']
    assert answer('measure', store, '--output', output)[0] == 0
    assert [path.name for path in tmp_path.iterdir()] == ['a.ecsv']


def test_morphology_is_that_of_the_library(store, stamps, tmp_path, answer):
    pytest.importorskip('statmorph')
    stamps[:5].write(tmp_path / 'few.fits')
    output = tmp_path / 'a.ecsv'
    options = ['--no-sersic', '--background', '0', '--output', output]
    code, said = answer('morphology', tmp_path / 'few.fits', *options)
    expected = measure_morphology(
        stamps[:5],
        segmentation=DetectionConfig(background=0.0),
        sersic=False,
        progress=False,
    )
    same_columns(QTable.read(output), expected)
    assert (code, said['n_stamps']) == (0, 5)
    assert said['n_measured'] == sum(s.startswith('measured') for s in expected['status'])
    assert sorted(path.name for path in tmp_path.iterdir()) == ['a.ecsv', 'few.fits']


def test_each_band_has_its_own_morphology(stamps, tmp_path, answer):
    pytest.importorskip('statmorph')
    few = stamps[:3]
    bands = StampSet.from_bands({'g': few, 'r': few.replace(pixels=2 * few.pixels)})
    bands.write(tmp_path / 'bands.zarr')
    output = tmp_path / 'a.ecsv'
    options = ['--no-sersic', '--output', output]
    assert answer('morphology', tmp_path / 'bands.zarr', *options)[0] == 0
    assert {'gini_g', 'gini_r'} <= {*QTable.read(output).colnames}
    assert sorted(path.name for path in tmp_path.iterdir()) == ['a.ecsv', 'bands.zarr']
    assert answer('morphology', tmp_path / 'bands.zarr', '--only', 'r', *options)[0] == 0
    assert 'gini' in QTable.read(output).colnames


@pytest.mark.parametrize(
    ('arguments', 'words'),
    [
        (['measure', '--output', 'a.xyz'], '`--output` must be a table'),
        (['measure', '--output', 'a.ecsv', '--sources', 'no/a.ecsv'], 'There is no folder'),
        (['measure', '--output', 'a.ecsv', '--only', 'g'], '`band`'),
        (['measure', '--output', 'a.ecsv', '--zero-point', 'x'], 'must be a magnitude'),
        (['measure', '--output', 'a.ecsv', '--threshold', '0'], '`threshold` must be above 0'),
        (['measure', '--output', 'a.ecsv', '--bands', 'g'], '`--bands` is for cutouts'),
        (['morphology', '--output', 'a.xyz'], '`--output` must be a table'),
    ],
)
def test_what_cannot_be_measured_is_said(store, tmp_path, answer, monkeypatch, arguments, words):
    monkeypatch.chdir(tmp_path)
    name, *options = arguments
    code, said = answer(name, store, *options)
    assert code == 2
    assert words in said['error']
    assert not list(tmp_path.iterdir())


def test_zero_points_are_magnitudes_of_all_or_of_each_band():
    assert zero_points_of_text('25.1') == 25.1
    assert zero_points_of_text('g=25.1, r=25.3') == {'g': 25.1, 'r': 25.3}
