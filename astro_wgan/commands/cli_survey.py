"""The command ``astro-wgan survey``."""

import argparse
from dataclasses import replace

from astro_wgan.commands.cli_stamps import (
    DETECTION,
    MAKING,
    add_detection,
    add_making,
    names_of_bands,
)
from astro_wgan.commands.cli_workers import add_workers, chosen_workers
from astro_wgan.tensorflow_messages import without_messages

__all__ = ['add_survey']


def add_survey(commands):
    """Add the parser of this command."""
    from astro_wgan.surveying.survey_config import SurveyConfig

    defaults = SurveyConfig()
    command = commands.add_parser(
        'survey',
        help='score all sources of many tiles',
        description='Cut, measure and score each source of a catalog in the tile in which it lies '
        'farthest from the border, tile by tile, and rank all by their anomaly score. Writes '
        'parts/TILE.parquet, ranks/TILE.parquet and ranking.parquet. The same command goes on from '
        'an interruption, and with further tiles.',
        formatter_class=argparse.ArgumentDefaultsHelpFormatter,
    )
    command.set_defaults(run=_survey)
    add = command.add_argument
    add(
        'paths',
        nargs='*',
        metavar='TILE',
        help='FITS files, URIs or patterns, in which {band} stands for the names of --bands; the '
        'last of them is the catalog',
    )
    add('--detect', action='store_true', help='instead of a catalog: detect sources')
    add('--model', metavar='DIR', help='calibrated model: its folder, or that of a hunt')
    about = {'metavar': 'DIR', 'required': True, 'help': 'folder that keeps the results'}
    add('--out', '--output', dest='output', **about)
    add('--status', action='store_true', help='print the state of the survey in DIR, and end')
    add(
        '--bands',
        type=names_of_bands,
        metavar='NAMES',
        help='names of the bands, such as g,r,i, in the order of the model',
    )
    add(
        '--names',
        type=_names_of_columns,
        metavar='NAMES',
        help='columns of the catalog with ids and positions, such as id=NUMBER,ra=alpha,dec=delta; '
        'id= to number the rows',
    )
    add(
        '--partial',
        choices=['fill', 'drop'],
        default=defaults.partial,
        help='mask what of a stamp lies beyond its tile, or leave such stamps out',
    )
    add('--photometry', action='store_true', help='measure the central source of each stamp')
    add('--morphology', action='store_true', help='the same with statmorph, which takes longer')
    add(
        '--keep-stamps',
        type=_number_or_all,
        default=defaults.keep_stamps,
        metavar='N',
        help="number of stamps of the highest scores that are kept, or 'all'",
    )
    add('--batch-size', type=int, default=defaults.batch_size, help='stamps in memory at a time')
    add('--n-ranked', type=int, default=defaults.n_ranked, help='rows of the ranked table')
    add_making(add)
    add_detection(add)
    add('--layout', default='auto', help='meaning of the extensions and files of a tile')
    add('--anonymous', action='store_true', help='read public buckets without credentials')
    add_workers(add)
    add('--quiet', action='store_true', help='do not show progress')
    add('--traceback', action='store_true', help='show the traceback of an error')


def _survey(options):
    if options.status:
        return _print_status(options.output)
    with without_messages():
        return _run(options)


def _run(options):
    from astro_wgan.images import RemoteFiles
    from astro_wgan.surveying import SurveyConfig, survey

    tiles, catalog = _tiles_and_catalog(options)
    if options.model is None:
        raise ValueError('`--model` must name the folder of a calibrated model.')
    reading = {} if options.layout == 'auto' else {'layout': options.layout}
    if options.anonymous:
        reading['remote'] = RemoteFiles(anonymous=True)
    config = SurveyConfig(
        partial=options.partial,
        photometry=options.photometry,
        morphology=options.morphology,
        keep_stamps=options.keep_stamps,
        batch_size=options.batch_size,
        n_ranked=options.n_ranked,
        reading=reading,
        **_making_and_detection(vars(options)),
    )
    with chosen_workers(options) as workers:
        result = survey(
            tiles,
            catalog,
            model=options.model,
            output=options.output,
            config=config,
            bands=options.bands,
            names=options.names,
            **workers,
            progress=not options.quiet,
        )
    status = result.status()
    if not options.quiet:
        _print_strangest(result)
    return int(any(status['state'] != 'done'))


def _making_and_detection(given):
    """Settings of a configuration for what is given."""
    from astro_wgan.hunting.stamp_making import WORTH_A_STAMP

    settings = {name: given[name] for name in MAKING}
    detection = {name: given[name] for name in DETECTION if given[name] is not None}
    if detection:
        settings['detection'] = replace(WORTH_A_STAMP, **detection)
    return settings


def _tiles_and_catalog(options):
    """What is named before the last path, and the last; all of them without a catalog."""
    paths = list(options.paths)
    catalog = None if options.detect or not paths else paths.pop()
    if not paths:
        raise ValueError(
            'Give at least one tile and then the catalog, or tiles alone with `--detect`.'
        )
    return paths[0] if len(paths) == 1 else paths, catalog


def _names_of_columns(text):
    """Pairs such as ``id=NUMBER,ra=alpha`` as a dictionary; None for a column that is not named."""
    pairs = [pair.partition('=') for pair in text.split(',')]
    if not all(equals for _, equals, _ in pairs):
        raise argparse.ArgumentTypeError(f'must be pairs such as id=NUMBER; got {text!r}')
    return {key.strip(): name.strip() or None for key, _, name in pairs}


def _number_or_all(text):
    try:
        return text if text == 'all' else int(text)
    except ValueError:
        raise argparse.ArgumentTypeError(f"must be a number or 'all'; got {text!r}") from None


def _print_status(output):
    from astro_wgan.surveying import SurveyResult

    status = SurveyResult(output).status()
    counts = ', '.join(
        f'{(status["state"] == state).sum()} {state}'
        for state in ('done', 'incomplete', 'failed', 'waiting')
        if (status['state'] == state).any()
    )
    print(f'{len(status)} tiles: {counts}; {status["scored"].sum():,} sources have a score.')
    for row in status:
        if row['reason']:
            print(f'  {row["tile"]}: {row["reason"]}')
    return 0


def _print_strangest(result):
    table = result.table(5)
    about = table.meta.get('survey', {'sources': 0, 'tiles': 0})
    print(f'{about["sources"]:,} sources in {about["tiles"]} tiles.')
    for row in table:
        score, q_value = f'{row["score"]:.3f}', f'{row["q_value"]:.2g}'
        print(f'  {row["rank"]}. {row["id"]} in {row["tile"]}: score {score}, q = {q_value}')
    print(f'Ranked table: {result.folder / "ranking.parquet"}')
