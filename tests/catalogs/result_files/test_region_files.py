"""Region files of DS9: by the package `regions`, and by DS9's grammar in regular expressions."""

import re

import numpy as np
import pytest
from astropy import units as u
from astropy.coordinates import SkyCoord
from astropy.table import MaskedColumn, QTable

from astro_wgan.catalogs import write_regions

#: A circle of http://ds9.si.edu/doc/ref/region.html with a comment of properties.
CIRCLE = re.compile(
    r'circle\((?P<x>[-+.e\d]+),(?P<y>[-+.e\d]+),(?P<r>[.e\d]+)(?P<unit>"?)\) # '
    r'color=(?P<color>[a-z]+) text=\{(?P<text>[^{}]*)\}'
)


def table():
    return QTable(
        {
            'id': ['a', 'b{1}', 'c\nd', 'é', 'f'],
            'sky': SkyCoord([10, 20, 30, 40, 50], [-5, 5, 15, 25, 35], unit='deg'),
            'x': [0.0, 10, 20, 30, np.nan] * u.pix,
            'y': [0.0, 11, 22, 33, 44] * u.pix,
            'score': [0.5, 3.0, np.nan, 12.34567, 1.0],
            'label': MaskedColumn(
                ['interesting', 'artifact', 'merger', '', ''], mask=[False] * 3 + [True] * 2
            ),
        }
    )


def circles(path):
    lines = path.read_text().splitlines()
    assert lines[0] == '# Region file format: DS9'
    return lines[2], [CIRCLE.fullmatch(line).groupdict() for line in lines[3:]]


def test_the_strangest_come_first_with_their_scores_and_labels(tmp_path):
    system, found = circles(write_regions(table(), tmp_path / 'a.reg', number=4))
    assert system == 'icrs'
    assert [each['text'] for each in found] == [
        '1: é, score 12.35',
        '2: b(1), score 3, artifact',
        '3: f, score 1',
        '4: a, score 0.5, interesting',
    ]
    assert [each['color'] for each in found] == ['yellow', 'red', 'yellow', 'green']
    assert [float(each['x']) for each in found] == pytest.approx([40, 20, 50, 10])
    assert {(each['r'], each['unit']) for each in found} == {('2.0', '"')}


def test_ranks_and_colors_may_be_given(tmp_path):
    ranked = table()
    ranked['rank'] = [5, 4, 3, 2, 1]
    path = write_regions(ranked, tmp_path / 'a.reg', number=None, colors={'merger': 'magenta'})
    _, found = circles(path)
    assert [each['text'][0] for each in found] == ['1', '2', '3', '4', '5']
    assert found[2]['color'] == 'magenta'
    assert found[2]['text'] == '3: c d, score nan, merger'


def test_pixels_count_from_one_and_rows_without_position_are_left_out(tmp_path):
    path = write_regions(table(), tmp_path / 'a.reg', coordinates='pixel', radius=5 * u.pix)
    system, found = circles(path)
    assert system == 'image'
    assert [(float(each['x']), float(each['y'])) for each in found] == [
        (31, 34),
        (11, 12),
        (1, 1),
        (21, 23),
    ]
    assert {(each['r'], each['unit']) for each in found} == {('5.0', '')}


def test_the_package_regions_reads_the_file(tmp_path):
    regions = pytest.importorskip('regions')
    path = write_regions(table(), tmp_path / 'a.reg', radius=0.1 * u.arcmin)
    first = regions.Regions.read(path, format='ds9')[0]
    assert first.center.separation(table()['sky'][3]) < 1e-6 * u.arcsec
    assert first.radius.to_value('arcsec') == pytest.approx(6)
    assert first.meta['text'] == '1: é, score 12.35'
    path = write_regions(table(), tmp_path / 'b.reg', coordinates='pixel')
    # `regions` counts from 0.
    assert regions.Regions.read(path, format='ds9')[0].center.xy == (30, 33)


@pytest.mark.parametrize(
    ('options', 'words'),
    [
        ({'number': 0}, '`number` must be'),
        ({'coordinates': 'galactic'}, '`coordinates` must be one of'),
        ({'radius': 3 * u.pix}, '`radius` must be an angle'),
        ({'radius': 3}, '`radius` must be an angle'),
        ({'radius': 3 * u.arcsec, 'coordinates': 'pixel'}, 'must be a number of pixels'),
        ({'radius': -3 * u.arcsec}, '`radius` must be above 0'),
    ],
)
def test_wrong_arguments_are_refused(options, words, tmp_path):
    with pytest.raises(ValueError, match=words):
        write_regions(table(), tmp_path / 'a.reg', **options)
    assert not any(tmp_path.iterdir())


def test_a_table_must_have_positions_and_files_are_kept(tmp_path):
    with pytest.raises(ValueError, match='must have positions: SkyCoord, ra and dec, or x and y'):
        write_regions({'id': [1, 2]}, tmp_path / 'a.reg')
    path = write_regions(table(), tmp_path / 'a.reg')
    with pytest.raises(FileExistsError, match='`overwrite`'):
        write_regions(table(), path)
    write_regions(table(), path, overwrite=True, number=1)
    assert len(circles(path)[1]) == 1
