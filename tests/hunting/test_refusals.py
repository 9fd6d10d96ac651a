"""What a hunt can refuse it refuses before the training, and leaves the folder as it was."""

import numpy as np
import pytest
from astropy import units as u
from astropy.coordinates import SkyCoord
from astropy.io import fits
from astropy.nddata import CCDData
from astropy.table import MaskedColumn, QTable
from astropy.time import Time
from astropy.utils.masked import Masked

from astro_wgan import HuntConfig, datasets, hunt
from astro_wgan.detection import DetectionConfig
from astro_wgan.simulate import simulate

SIDE = 64
#: Of five by eight stamps beside each other.
PLACES = np.array(
    [(SIDE * (i + 0.5) - 0.5, SIDE * (j + 0.5) - 0.5) for j in range(8) for i in range(5)]
)
N = len(PLACES)
CONFIG = HuntConfig(iterations=2)


@pytest.fixture(scope='module')
def image():
    pytest.importorskip('galsim')
    pixels = simulate('normal', N, seed=11).pixels
    rows = [np.concatenate([*pixels[5 * k : 5 * k + 5]], axis=1) for k in range(8)]
    return CCDData(np.concatenate(rows), unit='nJy')


@pytest.fixture(scope='module')
def detector():
    return datasets.load_model()


@pytest.fixture
def no_training(monkeypatch):
    def fail(*arguments, **options):
        pytest.fail('the training has begun')

    monkeypatch.setattr('astro_wgan.hunting.pipeline.train_networks', fail)


def positions(**columns):
    return QTable({'x': PLACES[:, 0], 'y': PLACES[:, 1]} | columns)


def objects(values):
    array = np.empty(len(values), dtype=object)
    array[:] = values
    return array


UNWRITABLE = {
    'lists': lambda: {'l': objects([[1] * k for k in range(N)])},
    'objects of several kinds': lambda: {'m': objects([1, 'a'] * (N // 2))},
    'durations': lambda: {'t': np.arange(N).astype('m8[s]')},
    'a unit of its own': lambda: {'w': np.ones(N) * u.def_unit('ells')},
    'bytes of another encoding': lambda: {'b': np.full(N, 'é'.encode('latin1'))},
    'a name of two lines': lambda: {'a\nb': np.ones(N)},
    'long floats': lambda: {'f': np.ones(N, dtype=np.longdouble)},
}


@pytest.mark.usefixtures('no_training')
@pytest.mark.parametrize('name', UNWRITABLE)
def test_columns_that_no_file_holds(image, tmp_path, name):
    columns = UNWRITABLE[name]()
    if name == 'long floats' and np.finfo(np.longdouble).bits == 64:
        pytest.skip('long double is double here')
    with pytest.raises(ValueError, match=r'^Column .* of the table cannot be written'):
        hunt(image, output=tmp_path, config=CONFIG, positions=positions(**columns), progress=False)
    assert not list(tmp_path.iterdir())


@pytest.mark.usefixtures('no_training')
@pytest.mark.parametrize(
    ('table', 'message'),
    [
        (lambda: positions(id=MaskedColumn(np.arange(N), mask=np.arange(N) == 3)), 'in row 3'),
        (lambda: positions(id=np.arange(N) // 2), 'a different value for each stamp'),
        (lambda: positions(id=objects([*range(N - 1), None])), f'in row {N - 1}'),
        (
            lambda: QTable({'x': Masked(PLACES[:, 0], PLACES[:, 0] > 200), 'y': PLACES[:, 1]}),
            'must be fin',
        ),
        (lambda: QTable({'a': PLACES[:, 0]}), 'must have the columns x and y'),
        (lambda: PLACES + 5000, 'are outside the image'),
        (lambda: PLACES.T, 'Transpose'),
        (lambda: SkyCoord([1], [1], unit='deg'), 'no celestial WCS'),
        (lambda: PLACES[:3], 'too few to train on'),
        (lambda: [], 'must hold at least one position'),
    ],
)
def test_positions_that_cannot_be(image, tmp_path, table, message):
    with pytest.raises(ValueError, match=message):
        hunt(image, output=tmp_path, config=CONFIG, positions=table(), progress=False)
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    ('options', 'message'),
    [
        ({'size': 64.0}, '`size` must be an integer; got 64.0'),
        ({'size': '64'}, "`size` must be an integer; got '64'"),
        ({'n_cards': 2.5}, '`n_cards` must be an integer; got 2.5'),
        ({'seed': 1.5}, '`seed` must be an integer'),
        ({'iterations': 10.5}, '`iterations` must be an integer'),
        ({'iterations': True}, '`iterations` must be an integer; got True'),
        ({'iterations': 10, 'epochs': 2}, 'Give `epochs` or `iterations`, not both'),
        ({'minutes': float('nan')}, '`minutes` must be above 0'),
        ({'partial': 'crop'}, "`partial` must be 'drop' or 'fill'; got 'crop'"),
        ({'preset': None}, "`preset` must be 'compact' or 'paper'; got None"),
        ({'detection': 2.5}, '`detection` must be a DetectionConfig; got 2.5'),
        ({'size': 17}, 'must be 16, 32, 64, 128 or 256 pixels; got 17. Stamps of 17 pixels can'),
        ({'size': 0}, 'must be 16, 32, 64, 128 or 256 pixels; got 0'),
        ({'size': 5 * u.Jy}, '`size` must be one angle above 0, or pixels; got 5.0 Jy'),
        ({'size': [5, 6] * u.arcsec}, '`size` must be one angle above 0'),
        ({'size': -5 * u.arcsec}, '`size` must be one angle above 0'),
        ({'stretch': 'log'}, "`stretch` must be 'auto' or 'asinh' or 'linear'; got 'log'"),
    ],
)
def test_settings_that_cannot_be(options, message):
    with pytest.raises(ValueError, match=message):
        HuntConfig(**options)
    assert HuntConfig(size=np.int64(32), detection=DetectionConfig()).size == 32


def test_a_detector_of_other_stamps(image, detector, tmp_path):
    options = {'output': tmp_path, 'model': detector, 'positions': positions(), 'progress': False}
    with pytest.raises(ValueError, match='`size` of the configuration must be that of `model`, 64'):
        # Before the image is looked for.
        hunt('none.fits', config=HuntConfig(size=32), **options)
    with pytest.raises(u.UnitConversionError, match='stamps in adu do not convert'):
        hunt(CCDData(image.data, unit='adu'), config=CONFIG, **options)
    assert not list(tmp_path.iterdir())


def test_a_training_that_does_not_begin_leaves_the_folder_free(image, tmp_path, monkeypatch):
    def refused(*arguments, **options):
        raise ValueError('not like this')

    with monkeypatch.context() as patch:
        patch.setattr('astro_wgan.hunting.pipeline.train_networks', refused)
        with pytest.raises(ValueError, match='not like this'):
            hunt(
                image,
                output=tmp_path / 'out',
                config=CONFIG,
                positions=positions(),
                progress=False,
            )
    assert not list(tmp_path.iterdir())


@pytest.mark.filterwarnings('ignore:.*in the `meta` of a table')
@pytest.mark.filterwarnings('ignore::astro_wgan.exceptions.DriftWarning')
def test_columns_as_archives_give_them_come_back(image, detector, tmp_path):
    given = positions(
        name=objects([f'src {k}' for k in range(N)]),
        note=objects(['a', None] * (N // 2)),
        count=objects([2**60 + k for k in range(N)]),
        vector=np.arange(3 * N).reshape(N, 3),
        seen=Time(50000.0 + np.arange(N), format='mjd'),
        day=np.arange(N).astype('M8[D]'),
        flux=Masked(np.ones(N) * u.Jy, mask=np.arange(N) % 2 == 1),
        bytes=np.full(N, b'abc'),
    )
    given.meta['survey'] = object()
    options = {'config': CONFIG, 'model': detector, 'progress': False}
    found = hunt(image, output=tmp_path, positions=given, **options)
    for table in (found.table, hunt(image, output=tmp_path, positions=given, **options).table):
        assert table['name'].tolist() == [f'src {k}' for k in range(N)]
        assert table['note'].tolist() == ['a', None] * (N // 2)
        assert table['count'].tolist() == [2**60 + k for k in range(N)]
        assert np.array_equal(table['vector'], given['vector'])
        assert table['seen'].mjd == pytest.approx(given['seen'].mjd)
        assert table['day'][1].isot == '1970-01-02T00:00:00.000'
        assert table['flux'].mask.tolist() == [False, True] * (N // 2)
        assert 'object' in table.meta['survey']


def test_what_is_read_from_a_file_is_reported_first(image, tmp_path, capsys):
    void = image.data.copy()
    void[:10] = 0
    hdus = [fits.ImageHDU(each, name=name) for each, name in ((void, 'SCI'), (image.data, 'N2'))]
    fits.HDUList([fits.PrimaryHDU(), *hdus]).writeto(tmp_path / 'image.fits')
    with pytest.raises(ValueError, match='too few'):
        hunt(tmp_path / 'image.fits', output=tmp_path / 'out', config=CONFIG, positions=PLACES[:5])
    told = capsys.readouterr().err
    assert 'image: 1 SCI (512 x 320)' in told
    assert 'left out: 2 N2 (512 x 320)' in told
    assert 'no data: 3,200 pixels that are 0' in told
    with pytest.raises(ValueError, match='too few'):
        hunt(
            tmp_path / 'image.fits',
            output=tmp_path / 'out',
            config=CONFIG,
            positions=PLACES[:5],
            zeros='keep',
        )
    assert 'no data' not in capsys.readouterr().err
