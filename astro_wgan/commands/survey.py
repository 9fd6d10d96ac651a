"""The command ``astro-wgan survey``."""

import argparse

from astro_wgan.commands.options.catalog_option import add_names
from astro_wgan.commands.options.command import add_command
from astro_wgan.commands.options.configuration_file import record_text
from astro_wgan.commands.options.exit_codes import ExitCode
from astro_wgan.commands.options.report import Report, plain_value
from astro_wgan.commands.options.stamp_options import add_detection, add_making, names_of_bands
from astro_wgan.commands.options.worker_options import add_workers, chosen_workers
from astro_wgan.tensorflow_messages import without_messages

__all__ = ['add_survey']


_EXAMPLES = (
    (
        'all sources of a catalog in the tiles of a folder',
        "astro-wgan survey 'tiles/*.fits' catalog.parquet --model hunt --output survey",
    ),
    (
        'sources that are detected, in three bands and by four processes',
        "astro-wgan survey 'tiles/*_{band}.fits' --detect --bands g,r,i --model hunt "
        '--output survey --processes 4',
    ),
    ('what is done, also while it is at work', 'astro-wgan survey --output survey --status'),
    (
        'the same survey again, with photometry',
        'astro-wgan survey --config survey --photometry --output again',
    ),
)


def add_survey(commands):
    """Add the parser of this command."""
    add_command(
        commands,
        'survey',
        run=_survey,
        add_options=_add_options,
        help='score all sources of many tiles',
        description='Cut, measure and score each source of a catalog in the tile in which it lies '
        'farthest from the border, tile by tile, and rank all by their anomaly score. Writes '
        'parts/TILE.parquet, ranks/TILE.parquet, ranking.parquet and survey.toml, which repeats '
        'the survey (--config). The same command goes on from an interruption, and with further '
        'tiles.',
        examples=_EXAMPLES,
        configs=_configs,
        bases=_bases,
    )


def _configs():
    from astro_wgan.surveying.survey_config import SurveyConfig

    return {'survey': SurveyConfig()}


def _bases():
    from astro_wgan.hunting.stamp_making import WORTH_A_STAMP

    return {'survey.detection': WORTH_A_STAMP}


def _add_options(add):
    from astro_wgan.datasets import model_names

    add(
        'paths',
        nargs='*',
        default=(),
        is_path=True,
        metavar='TILE',
        help='FITS files, URIs or patterns, in which {band} stands for the names of --bands; the '
        'last of them is the catalog',
    )
    add('--detect', action='store_true', help='instead of a catalog: detect sources')
    add(
        '--model',
        is_path=True,
        metavar='DIR',
        help=f'calibrated model: its folder, that of a hunt, or {", ".join(model_names())}',
    )
    add(
        '--out',
        '--output',
        dest='output',
        required=True,
        is_kept=False,
        metavar='DIR',
        help='folder that keeps the results',
    )
    add('--status', is_flag=True, help='print the state of the survey in DIR, and end')
    add(
        '--bands',
        type=names_of_bands,
        metavar='NAMES',
        help='names of the bands, such as g,r,i, in the order of the model',
    )
    add_names(add)
    add(
        '--partial',
        choices=['fill', 'drop'],
        sets='survey.partial',
        help='mask what of a stamp lies beyond its tile, or leave such stamps out',
    )
    add(
        '--photometry',
        action='store_true',
        sets='survey.photometry',
        help='measure the central source of each stamp',
    )
    add(
        '--morphology',
        action='store_true',
        sets='survey.morphology',
        help='the same with statmorph, which takes longer',
    )
    add(
        '--keep-stamps',
        type=_number_or_all,
        sets='survey.keep_stamps',
        metavar='N',
        help="number of stamps of the highest scores that are kept, or 'all'",
    )
    add('--batch-size', type=int, sets='survey.batch_size', help='stamps in memory at a time')
    add('--n-ranked', type=int, sets='survey.n_ranked', help='rows of the ranked table')
    add_making(add, 'survey', as_model=True)
    add_detection(add, 'survey.detection', as_model=True)
    add('--layout', default='auto', help='meaning of the extensions and files of a tile')
    add('--anonymous', action='store_true', help='read public buckets without credentials')
    add_workers(add)


def _survey(options):
    if options.status:
        return _status(options.output)
    with without_messages():
        return _run(options)


def _run(options):
    from dataclasses import replace

    from astro_wgan.images import RemoteFiles
    from astro_wgan.surveying import survey

    tiles, catalog = _tiles_and_catalog(options)
    if options.model is None:
        raise ValueError('`--model` must name the folder of a calibrated model.')
    config = options.configs['survey']
    reading = {} if options.layout == 'auto' else {'layout': options.layout}
    if options.anonymous:
        reading['remote'] = RemoteFiles(anonymous=True)
    config = replace(config, reading={**config.reading, **reading})
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
            record=record_text(options.record),
            progress=not options.quiet,
        )
    status = result.status()
    code = ExitCode.PARTLY_DONE if any(status['state'] != 'done') else ExitCode.DONE
    table = result.table(10)
    summary = _summary(result.folder, status) | {
        'ranking': str(result.folder / 'ranking.parquet'),
        'top': [
            {name: plain_value(row[name]) for name in ('rank', 'id', 'tile', 'score', 'q_value')}
            for row in table
        ],
    }
    return Report(summary, lines=_strangest(result, table[:5]), code=code)


def _tiles_and_catalog(options):
    """What is named before the last path, and the last; all of them without a catalog."""
    paths = list(options.paths)
    catalog = None if options.detect or not paths else paths.pop()
    if not paths:
        raise ValueError(
            'Give at least one tile and then the catalog, or tiles alone with `--detect`.'
        )
    return paths[0] if len(paths) == 1 else paths, catalog


def _number_or_all(text):
    try:
        return text if text == 'all' else int(text)
    except ValueError:
        raise argparse.ArgumentTypeError(f"must be a number or 'all'; got {text!r}") from None


def _status(output):
    from astro_wgan.surveying import SurveyResult

    status = SurveyResult(output).status()
    summary = _summary(output, status)
    counts = ', '.join(f'{count} {state}' for state, count in summary['states'].items())
    lines = [f'{len(status)} tiles: {counts}; {summary["scored"]:,} sources have a score.']
    lines += [f'  {tile}: {reason}' for tile, reason in summary['failed'].items()]
    return Report(summary, answer=lines)


def _summary(folder, status):
    """Plain values of the states of the tiles."""
    states = {
        state: int((status['state'] == state).sum())
        for state in ('done', 'incomplete', 'failed', 'waiting')
    }
    return {
        'folder': str(folder),
        'tiles': len(status),
        'states': {state: count for state, count in states.items() if count},
        'failed': {str(row['tile']): str(row['reason']) for row in status if row['reason']},
        'scored': int(status['scored'].sum()),
    }


def _strangest(result, table):
    about = table.meta.get('survey', {'sources': 0, 'tiles': 0})
    lines = [f'{about["sources"]:,} sources in {about["tiles"]} tiles.']
    for row in table:
        score, q_value = f'{row["score"]:.3f}', f'{row["q_value"]:.2g}'
        lines.append(f'  {row["rank"]}. {row["id"]} in {row["tile"]}: score {score}, q = {q_value}')
    return [*lines, f'Ranked table: {result.folder / "ranking.parquet"}']
