"""What a survey refuses, in a sentence, before work starts."""

from dataclasses import replace

import numpy as np
import pytest
from astropy import units as u
from astropy.io import fits
from astropy.table import QTable

from astro_wgan import AnomalyDetector, SurveyConfig, hunt, survey
from astro_wgan.detection import DetectionConfig
from astro_wgan.exceptions import SurveyFolderError
from astro_wgan.hunting.stamp_making import StampMaking
from astro_wgan.images import RemoteFiles
from astro_wgan.surveying import SurveyResult, cut_tiles, rank_survey
from astro_wgan.testing import make_stamps


@pytest.fixture
def refused(tiles, catalog, detector, tmp_path):
    """Function that makes a survey with some other arguments, and checks that it writes nothing."""

    def refused(match, error=ValueError, **changes):
        arguments = {'tiles': tiles, 'catalog': catalog, 'model': detector, **changes}
        output = arguments.setdefault('output', tmp_path / 'out')
        before = sorted(output.rglob('*')) if output.exists() else None
        with pytest.raises(error, match=match):
            survey(progress=False, **arguments)
        assert (sorted(output.rglob('*')) if output.exists() else None) == before

    return refused


def test_two_tiles_of_one_name(refused, tiles):
    match = "Two tiles have the name 'p00': .* Give `tiles` as a dictionary"
    refused(match, tiles=[tiles['p00'], '/elsewhere/p00.fits'])


def test_no_tiles(refused, tmp_path):
    refused('`tiles` must hold at least one tile; got none', tiles=[])
    refused(r'no file matches .*none\*', tiles=str(tmp_path / 'none*.fits'))


def test_tiles_without_overlap_with_the_catalog(refused, catalog):
    elsewhere = QTable({'id': catalog['id'], 'ra': catalog['ra'] + 1 * u.deg})
    elsewhere['dec'] = catalog['dec']
    refused('None of the 120 sources of `catalog` lies in one of the 3', catalog=elsewhere)


def test_ids_that_occur_twice(refused, catalog):
    twice = catalog[[0, 1, 2, 1]]
    refused(f'unique; 1 occur more than once, such as {catalog["id"][1]}', catalog=twice)


def test_an_empty_catalog_and_missing_positions(refused, catalog):
    refused('The catalog is an empty catalog', catalog=catalog[:0])
    lost = catalog[:3].copy()
    lost['ra'][1] = np.nan * u.deg
    refused('ra and dec are masked or NaN in 1 of 3 rows', catalog=lost)
    refused('has no columns of positions on the sky', catalog=catalog[['id']])
    refused('int', TypeError, catalog=5)


def test_no_tile_that_can_be_read(refused, tmp_path):
    path = tmp_path / 'broken.fits'
    path.write_bytes(b'SIMPLE  =   ')
    refused('None of the 1 tiles can be read; of broken: .*broken.fits', tiles=path)


def test_a_tile_without_wcs(refused, tmp_path):
    path = tmp_path / 'plain.fits'
    fits.writeto(path, np.ones((50, 50), np.float32))
    refused('plain: .* has no celestial WCS', tiles=path)


def test_a_model_of_another_pixel_scale(refused, detector):
    other = AnomalyDetector(detector.wgan)
    other.calibration_ = detector.calibration_
    scale = detector.wgan.pixel_scale_
    detector.wgan.pixel_scale_ = 2 * scale
    try:
        refused('Tile p00 has pixels of 0.06.*trained on pixels of 0.12')
    finally:
        detector.wgan.pixel_scale_ = scale


def test_a_model_of_another_unit(refused, tmp_path, write_tiles):
    refused('Tile p00 does not fit `model`: .*s', tiles=write_tiles(tmp_path, BUNIT='s'))


def test_a_model_of_other_bands(refused, tiles):
    two = {'first': {'g': tiles['p00'], 'r': tiles['p01']}}
    refused(r'Tile first does not fit `model`: .*1 band\(s\); got 16 x 16 and 2', tiles=two)


def test_a_model_without_calibration(refused, detector):
    refused('`model` must be calibrated', model=AnomalyDetector(detector.wgan))
    refused('must be an AnomalyDetector', TypeError, model=detector.wgan)


def test_a_model_that_is_none(refused):
    refused('`model` must be an AnomalyDetector or its folder; got int', model=5, error=TypeError)


def test_a_folder_of_something_else(refused, tmp_path):
    (tmp_path / 'letters').mkdir()
    (tmp_path / 'letters' / 'letter.txt').write_text('Dear all')
    refused('holds other files', SurveyFolderError, output=tmp_path / 'letters')
    (tmp_path / 'file').write_text('')
    refused('must be a folder', SurveyFolderError, output=tmp_path / 'file')
    with pytest.raises(SurveyFolderError, match='holds no survey'):
        SurveyResult(tmp_path)
    with pytest.raises(SurveyFolderError, match='holds no survey'):
        rank_survey(tmp_path)


def test_the_folder_of_another_survey(refused, tiles, catalog, detector, tmp_path):
    tiles, output = {'p00': tiles['p00']}, tmp_path / 'out'
    survey(tiles, catalog, model=detector, output=output, progress=False)
    own = {'error': SurveyFolderError, 'tiles': tiles, 'output': output}
    refused(
        'another survey: it belongs to other settings: `photometry` was false and is true',
        config=SurveyConfig(photometry=True),
        **own,
    )
    refused(
        'belongs to another catalog: .*its length was 120 and is 50',
        catalog=catalog[:50],
        **own,
    )
    other = AnomalyDetector(detector.wgan)
    other.calibrate(make_stamps(30, shape=(16, 16), seed=9), progress=False)
    refused('belongs to another model: its calibration differs', model=other, **own)
    (output / 'survey.json').write_text('{"format": "astro_wgan survey 9", "fingerprint": {}}')
    refused("has the format 'astro_wgan survey 9'", **own)
    (output / 'survey.json').write_text('{"form')
    refused('survey.json is damaged', **own)


@pytest.mark.parametrize(
    ('options', 'error', 'match'),
    [
        ({'partial': 'mask'}, ValueError, "`partial` must be 'fill' or 'drop'; got 'mask'"),
        ({'photometry': 1}, TypeError, '`photometry` must be True or False; got 1'),
        ({'keep_stamps': -1}, ValueError, '`keep_stamps` must be a whole number, at least 0'),
        ({'keep_stamps': 'some'}, ValueError, "a whole number or 'all'; got 'some'"),
        ({'batch_size': 0}, ValueError, '`batch_size` must be a whole number, at least 1'),
        ({'n_ranked': 2.5}, ValueError, '`n_ranked` must be a whole number'),
        ({'detection': 3}, TypeError, '`detection` must be a DetectionConfig'),
        ({'reading': {'hdus': 1}}, ValueError, "of read_image; got 'hdus'"),
        ({'reading': {'layout': 'mine'}}, ValueError, 'mine'),
        ({'reading': {'layout': {'g': 'des', 'r': 'mine'}}}, ValueError, 'mine'),
        ({'reading': {'remote': {'g': 3}}}, TypeError, '`remote` must be a RemoteFiles'),
        ({'reading': 'des'}, TypeError, '`reading` must be a dictionary; got str'),
    ],
)
def test_settings_out_of_range(options, error, match):
    with pytest.raises(error, match=match):
        SurveyConfig(**options)


def test_settings_that_change_no_result_are_not_compared():
    config, making = SurveyConfig(detection=DetectionConfig(3.0)), StampMaking()
    other = replace(config, batch_size=7, n_ranked=9)
    assert config.describe(making) == other.describe(making)
    assert config.describe(making) != replace(config, keep_stamps=5).describe(making)
    secret = RemoteFiles(storage_options={'key': 'secret'})
    assert config.describe(making) == replace(config, reading={'remote': secret}).describe(making)


def test_credentials_in_addresses_of_masks_are_not_described():
    signed, other = (f'https://me:{key}@host/mask.fits?signature={key}' for key in ('s3', 's4'))
    for reading in ({'mask': signed}, {'mask': {'g': signed, 'r': 'r_mask.fits'}}):
        described = SurveyConfig(reading=reading).describe(StampMaking())
        assert 'https://host/mask.fits' in str(described)
        assert 'r_mask.fits' in str(described) or reading['mask'] is signed
        assert 's3' not in str(described)
    found = [SurveyConfig(reading={'mask': uri}).describe(StampMaking()) for uri in (signed, other)]
    assert found[0] == found[1]


def test_a_configuration_of_another_kind(refused):
    refused('`config` must be a SurveyConfig, or None; got dict', TypeError, config={'partial': 3})


@pytest.mark.parametrize(
    ('output', 'error', 'match'),
    [
        (None, TypeError, '`output` must be a path; got NoneType'),
        (3, TypeError, '`output` must be a path; got int'),
        ('', ValueError, '`output` must be a path; got an empty text'),
        ('s3://me:secret@bucket/a', ValueError, r'of this machine; got the URI s3://bucket/a\.'),
    ],
)
@pytest.mark.parametrize('call', [survey, cut_tiles, hunt])
def test_what_is_no_path_of_this_machine(call, output, error, match, tiles, model):
    options = {} if call is cut_tiles else {'model': model}
    with pytest.raises(error, match=match):
        call(tiles['p00'], output=output, progress=False, **options)


@pytest.mark.parametrize('call', [survey, cut_tiles])
@pytest.mark.parametrize('option', ['remote', 'layout', 'mask'])
def test_options_of_bands_that_there_are_not(call, option, tiles, catalog, model, tmp_path):
    """Before work starts, not tile by tile."""
    values = {'remote': RemoteFiles(), 'layout': 'des', 'mask': None}
    reading = {option: {'g': values[option]}}
    options = {'config': SurveyConfig(reading=reading), 'model': model}
    if call is cut_tiles:
        options = {'reading': reading}
    for some, words in ((tiles, 'the image has no named bands'), ({'a': {'r': 'a.fits'}}, 'are r')):
        with pytest.raises(ValueError, match=f"`{option}` has 'g', which is no band: .*{words}"):
            call(some, catalog, output=tmp_path / 'out', progress=False, **options)
    assert not list(tmp_path.iterdir())


def test_a_folder_in_a_file(refused, tmp_path):
    (tmp_path / 'file').write_text('')
    refused(r'file/out cannot be written', OSError, output=tmp_path / 'file' / 'out')


def test_a_damaged_catalog_is_named_once(refused, tmp_path):
    (tmp_path / 'bad.parquet').write_bytes(b'PAR1 and no more')
    refused(
        r'^\S+/bad.parquet contains no catalog that can be read: (?!.*contains)',
        catalog=tmp_path / 'bad.parquet',
    )
