"""Stamps of all tiles in one store: as cut from each tile alone; interruptions and failures."""

import numpy as np
import pytest
from astropy import units as u
from astropy.coordinates import SkyCoord
from astropy.io import fits
from astropy.table import QTable

from astro_wgan import StampSet, StampStore
from astro_wgan.detection import DetectionConfig
from astro_wgan.exceptions import ImageError
from astro_wgan.hunting.stamp_making import StampMaking
from astro_wgan.images import read_image
from astro_wgan.neighbors import NeighborConfig
from astro_wgan.stamps import SourceScale
from astro_wgan.surveying import cut_tiles, survey_stamps
from astro_wgan.testing import assert_stamps_equal


@pytest.fixture(scope='module')
def cut(tiles, catalog):
    """Function that cuts the tiles without a progress line."""

    def cut(output, *, tiles=tiles, catalog=catalog, size=16, **options):
        return cut_tiles(tiles, catalog, output=output, size=size, progress=False, **options)

    return cut


@pytest.fixture(scope='module')
def store(cut, tmp_path_factory):
    return cut(tmp_path_factory.mktemp('cut') / 'stamps.zarr')


def test_each_source_is_cut_once_from_its_tile(store, tiles, catalog):
    table = store.table
    np.testing.assert_array_equal(np.sort(table['id']), np.sort(catalog['id']))
    assert list(dict.fromkeys(table['tile'])) == list(tiles)
    for name, path in tiles.items():
        rows = np.flatnonzero(table['tile'] == name)
        own = catalog[np.isin(catalog['id'], table['id'][rows])]
        own = QTable({'id': own['id'], 'sky': SkyCoord(own['ra'], own['dec'])})
        expected = StampSet.from_image(path, positions=own, size=16, partial='fill')
        expected.table['tile'] = name
        assert_stamps_equal(store[rows].replace(meta={}), expected.replace(meta={}))


def test_the_metadata_are_those_of_all_tiles(store, cut, tiles, tmp_path):
    provenance = store.meta['provenance']
    assert provenance['tiles'] == len(tiles)
    assert 'image' not in provenance
    assert provenance['partial'] == 'fill'
    assert store.meta.keys() == {'provenance', 'fingerprint', 'making'}
    one = cut(tmp_path / 'one.zarr', tiles={'p00': tiles['p00']}, size=16).meta['provenance']
    assert (one['tiles'], one['image']) == (1, tiles['p00'])


def test_tiles_of_two_beams_are_refused(cut, write_tiles, tmp_path):
    """Of which the same pixels are another flux."""
    tiles = write_tiles(tmp_path, BUNIT='Jy/beam', BMAJ=1e-4, BMIN=1e-4)
    assert cut(tmp_path / 'one.zarr', tiles=tiles).meta['beam'] is not None
    fits.setval(tiles['p01'], 'BMAJ', value=2e-4)
    with pytest.raises(ValueError, match="tiles that differ in 'beam' of their `meta` cannot"):
        cut(tmp_path / 'two.zarr', tiles=tiles)


@pytest.mark.parametrize(
    'options',
    [
        {'neighbors': 'replace', 'sky': 'subtract'},
        {'scale': 'source', 'neighbors': 'mask'},
        {'stars': 'mask', 'neighbors': NeighborConfig('mask', psf_fwhm=3.0)},
    ],
)
def test_stamps_can_be_made_as_those_of_a_hunt(options, cut, tiles, catalog, tmp_path):
    detection = DetectionConfig(3, min_area=9, background_box=40)
    found = cut(
        tmp_path / 'a.zarr', tiles={'p00': tiles['p00']}, detection=detection, size=24, **options
    )
    making = StampMaking().changed(detection=detection, **options)
    own = catalog[np.isin(catalog['id'], found.ids)]
    expected = StampSet.from_image(
        making.without_sky(read_image(tiles['p00'])),
        positions=QTable({'id': own['id'], 'sky': SkyCoord(own['ra'], own['dec'])}),
        size=24,
        partial='fill',
        detection=making.detection_of_cutting,
        **making.options,
    )
    expected.table['tile'] = 'p00'
    assert {'neighbor_fraction'} <= {*found.table.colnames}
    assert_stamps_equal(found[:].replace(meta={}), expected.replace(meta={}))
    provenance = found.meta['provenance']
    assert provenance['neighbors']['neighbors'] == making.neighbors.neighbors
    with pytest.raises(ValueError, match='belongs to other settings'):
        cut(tmp_path / 'a.zarr', tiles={'p00': tiles['p00']}, detection=detection, size=24)


@pytest.mark.parametrize(
    ('options', 'words'),
    [
        ({'detect_in': 'g'}, '`detect_in` is for several bands; got one image'),
        ({'sky': 'blue'}, '`sky` must be'),
        ({'neighbors': 'eat'}, '`neighbors` must be'),
        ({'size': 0}, '`size` must'),
        ({'size': 3 * u.arcsec, 'scale': 'source'}, '`size` must be in pixels for stamps that'),
        ({'scale': SourceScale('r50', 4)}, "must be 'half_light' or 'kron', .*; got 'r50'"),
    ],
)
def test_stamps_that_cannot_be_made_are_refused_before_work_starts(options, words, cut, tmp_path):
    with pytest.raises(ValueError, match=words):
        cut(tmp_path / 'a.zarr', **options)
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize('kind', ['processes', 'cluster'])
def test_workers_write_the_same(kind, cut, store, tmp_path, request):
    if kind == 'processes':
        found = cut(tmp_path / 'stamps.zarr', processes=2)
    else:
        distributed = pytest.importorskip('distributed')
        options = {'n_workers': 2, 'threads_per_worker': 1, 'dashboard_address': ':0'}
        with (
            distributed.LocalCluster(processes=True, **options) as cluster,
            distributed.Client(cluster.scheduler_address),
        ):
            found = cut(tmp_path / 'stamps.zarr', client='current')
    assert_stamps_equal(found[:], store[:])
    assert [path.name for path in tmp_path.iterdir()] == ['stamps.zarr']


def test_sources_are_detected_once_without_a_catalog(cut, tmp_path, sky_pixels):
    found = cut(tmp_path / 'stamps.zarr', catalog=None)
    assert 0.8 * len(sky_pixels[1]) < len(found) <= 1.1 * len(sky_pixels[1])
    assert len(set(found.ids)) == len(found)


def test_partial_stamps_are_left_out(cut, store, catalog, tmp_path):
    found = cut(tmp_path / 'stamps.zarr', size=24, partial='drop')
    assert 0 < len(found) < len(store)
    assert found[:].mask is None
    at_border = catalog[catalog['id'] == store.ids[np.argmin(store.table['x'])]]
    with pytest.raises(ValueError, match="with partial='drop' none lies far enough inside"):
        cut(tmp_path / 'none.zarr', catalog=at_border, size=32, partial='drop')


def test_angles_are_sizes(cut, store, tmp_path):
    found = cut(tmp_path / 'stamps.zarr', size=16 * u.pix * store.pixel_scale)
    assert found.shape == (16, 16)


@pytest.mark.parametrize('at', ['cutting', 'joining', 'removing'])
def test_the_same_call_goes_on(at, cut, store, tmp_path, monkeypatch):
    output, cut_tile, calls = tmp_path / 'stamps.zarr', survey_stamps.cut_tile, []

    def interrupted(task):
        calls.append(task.tile.name)
        if at == 'cutting' and len(calls) == 2:
            raise KeyboardInterrupt
        return cut_tile(task)

    def first_stamps(count, stores):
        yield next(stores)[:7]
        raise KeyboardInterrupt

    def stopped(folder):
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(survey_stamps, 'cut_tile', interrupted)
        if at == 'joining':
            patch.setattr(survey_stamps, '_without_first', first_stamps)
            # Each set is written at once.
            patch.setattr('astro_wgan.store.stampstore._EXTEND_BYTES', 1)
            patch.setattr(StampStore, '_shard', 7)
        if at == 'removing':
            patch.setattr(survey_stamps, '_remove', stopped)
        with pytest.raises(KeyboardInterrupt):
            cut(output)
    if at == 'joining':
        assert len(StampStore.open(output)) == 7
    monkeypatch.setattr(survey_stamps, 'cut_tile', interrupted)
    assert_stamps_equal(cut(output)[:], store[:])
    # Of the tile that was interrupted once more, and then of no one.
    assert len(calls) == (4 if at == 'cutting' else 3)
    cut(output)
    assert len(calls) <= 4
    assert [path.name for path in tmp_path.iterdir()] == ['stamps.zarr']


@pytest.mark.parametrize(
    ('change', 'said'),
    [
        ({'size': 20}, '`size` was 16 and is 20'),
        ({'partial': 'drop'}, "`partial` was 'fill' and is 'drop'"),
        ({'catalog': slice(50)}, 'belongs to another catalog'),
        ({'tiles': ['p00', 'p01']}, 'belongs to other tiles'),
    ],
)
def test_another_store_is_refused(change, said, cut, tiles, catalog, tmp_path):
    output = tmp_path / 'stamps.zarr'
    before = cut(output)[:]
    if 'catalog' in change:
        change = {'catalog': catalog[change['catalog']]}
    if 'tiles' in change:
        change = {'tiles': {name: tiles[name] for name in change['tiles']}}
    with pytest.raises(ValueError, match=said):
        cut(output, **change)
    assert_stamps_equal(StampStore.open(output)[:], before)
    assert [path.name for path in tmp_path.iterdir()] == ['stamps.zarr']


def test_a_broken_tile_is_named_and_others_are_kept(cut, write_tiles, tmp_path, monkeypatch):
    tiles = write_tiles(tmp_path)
    good = fits.getdata(tiles['p01'])
    # Which no header says.
    fits.update(tiles['p01'], np.full_like(good, np.nan), fits.getheader(tiles['p01']), 0)
    with pytest.raises(ImageError, match='1 of 3 tiles cannot be cut: p01: ') as caught:
        cut(tmp_path / 'stamps.zarr', tiles=tiles)
    assert 'goes on from there' in str(caught.value)
    assert not (tmp_path / 'stamps.zarr').exists()
    fits.update(tiles['p01'], good, fits.getheader(tiles['p01']), 0)
    cut_tile, calls = survey_stamps.cut_tile, []
    monkeypatch.setattr(
        survey_stamps, 'cut_tile', lambda task: calls.append(task.tile.name) or cut_tile(task)
    )
    cut(tmp_path / 'stamps.zarr', tiles=tiles)
    assert calls == ['p01']


def test_a_tile_that_is_no_image_is_named_before_work_starts(cut, tiles, tmp_path):
    (tmp_path / 'p03.fits').write_text('none')
    with pytest.raises(ImageError, match='p03'):
        cut(tmp_path / 'stamps.zarr', tiles={**tiles, 'p03': str(tmp_path / 'p03.fits')})
    assert [path.name for path in tmp_path.iterdir()] == ['p03.fits']


def test_tiles_of_two_units_are_refused(cut, write_tiles, tmp_path):
    tiles = write_tiles(tmp_path)
    fits.setval(tiles['p01'], 'BUNIT', value='mJy')
    with pytest.raises(ValueError, match='Only stamps of one unit can be joined; got nJy and mJy'):
        cut(tmp_path / 'stamps.zarr', tiles=tiles)
