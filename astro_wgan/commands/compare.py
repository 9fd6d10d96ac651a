"""The command ``astro-wgan compare``."""

import argparse
from dataclasses import dataclass
from pathlib import Path

from astro_wgan.commands.files.input_paths import input_paths
from astro_wgan.commands.files.table_output import (
    add_table_output,
    check_file_output,
    check_table_output,
    write_table,
)
from astro_wgan.commands.options.command import add_command
from astro_wgan.commands.options.report import Report, plain_value
from astro_wgan.commands.options.stamp_options import names_of_bands as names_of_text
from astro_wgan.optional import import_optional

__all__ = ['add_compare']

#: Endings of files of figures.
_FIGURES = ('.png', '.pdf', '.svg')

_EXAMPLES = (
    (
        'whether observed and simulated galaxies have the same scores',
        'astro-wgan compare observed.ecsv simulated.ecsv --output comparison.ecsv '
        '--figure scores.png',
    ),
    (
        'the same in five bins of a property',
        'astro-wgan compare observed.ecsv simulated.ecsv --by half_light_radius --bins 5',
    ),
    (
        'in which measured properties they differ',
        'astro-wgan compare observed.ecsv simulated.ecsv --properties gini,m20,asymmetry',
    ),
    (
        'which of some simulations is nearest to the observation',
        'astro-wgan compare observed.ecsv coarse.ecsv fine.ecsv',
    ),
    (
        'which fraction of each class two detectors find of the same objects',
        'astro-wgan compare wgan.ecsv pca.ecsv --classes type --normal isolated',
    ),
)

_ABOUT_CLASSES = (
    'the tables are scores of the same objects by several detectors; this column of the first '
    'table holds their classes'
)


def add_compare(commands):
    """Add the command to the subparsers of ``astro-wgan``."""
    add_command(
        commands,
        'compare',
        run=_compare,
        add_options=_add_options,
        help='compare the scores or properties of populations, simulations, classes or detectors',
        description='Compare tables, such as those of astro-wgan score. Of two the distances '
        'between the distributions of scores are measured, with their significance; of more than '
        'two the first is an observation, and the others are simulations that are ranked by their '
        'distance to it.',
        examples=_EXAMPLES,
    )


def _add_options(add):
    from astro_wgan.evaluate.distances import STATISTICS

    add(
        'tables',
        is_path=True,
        nargs='+',
        metavar='TABLE',
        help='tables with a column score (ECSV, FITS, VOTable, Parquet or CSV), or folders of '
        'hunts and surveys',
    )
    add_table_output(add, required=False)
    add('--figure', is_kept=False, metavar='IMAGE', help='figure to write: .png, .pdf or .svg')
    add(
        '--names',
        type=names_of_text,
        metavar='NAMES',
        help='names of the tables, such as observed,simulated (default: those of the files)',
    )
    add('--by', metavar='COLUMN', help='compare in bins of this column')
    add('--bins', type=int, default=8, help='number of bins, which hold equally many objects')
    add(
        '--properties',
        type=names_of_text,
        metavar='COLUMNS',
        help='compare these columns instead of scores, such as gini,m20, or all',
    )
    add('--classes', metavar='COLUMN', help=_ABOUT_CLASSES)
    add('--normal', metavar='CLASS', help='class of the normal objects, which sets the thresholds')
    add(
        '--metrics',
        action='store_true',
        help='with --classes: areas under the ROC curve and precisions instead of rates',
    )
    add(
        '--percentiles',
        type=_numbers_of_text,
        metavar='NUMBERS',
        help='with --classes: percentiles of the scores of normals that are thresholds (default: '
        '85,90,95, or 90 in bins)',
    )
    add(
        '--statistic',
        choices=[*STATISTICS],
        help='distance: of scores in bins and of simulations wasserstein by default, of properties '
        'ks; without bins all are measured',
    )
    add(
        '--resamples',
        type=int,
        metavar='NUMBER',
        help='number of permutations and bootstrap samples (default: 1000, or 200 in bins and of '
        'properties)',
    )
    add('--seed', type=int, default=0, help='seed of these')


def _compare(options):
    from astro_wgan.surveying.results_table import results_table

    task = _task_of(options)
    check_table_output(options.output, inputs=input_paths(options))
    check_file_output(options.figure, inputs=input_paths(options), option='--figure')
    _check_options(task, options)
    names = _names_of(options)
    for path in options.tables:
        if not Path(path).exists():
            raise FileNotFoundError(f'There is no table {path}.')
    tables = dict(zip(names, map(results_table, options.tables), strict=True))
    if task is not _PROPERTIES:
        for name, table in tables.items():
            _column(table, 'score', name)
    found = task.run(tables, options)
    # Before the figure, which is less.
    if options.output is not None:
        write_table(found, options.output, record=options.record)
    if options.figure is not None:
        ax = task.draw(found, tables, options)
        ax.figure.savefig(options.figure, dpi=150, bbox_inches='tight')
    rows = [{name: plain_value(row[name]) for name in found.colnames} for row in found]
    summary = {'compared': task.name, 'output': options.output, 'figure': options.figure}
    return Report(summary | {'rows': rows}, answer=_lines(found))


@dataclass(frozen=True)
class _Task:
    """
    Something that is compared.

    Parameters
    ----------
    name : str
    run : callable
        Makes the table, of tables by name and options.
    draw : callable or None
        Makes the figure, of that table, the tables by name and options.
    uses : tuple of str
        Options that have a meaning.
    """

    name: str
    run: object
    draw: object
    uses: tuple


def _scores(tables, options):
    from astro_wgan.evaluate import compare_populations

    return compare_populations(*tables.values(), **_resampling(options))


def _scores_by(tables, options):
    from astro_wgan.evaluate import compare_populations_by

    values = [_column(table, options.by, name) for name, table in tables.items()]
    first, second = tables.values()
    return compare_populations_by(
        values[0],
        first,
        values[1],
        second,
        bins=options.bins,
        **_statistic(options),
        **_resampling(options),
    )


def _properties(tables, options):
    from astro_wgan.evaluate import compare_properties

    named = None if options.properties == ['all'] else options.properties
    return compare_properties(
        *tables.values(), properties=named, **_statistic(options), **_resampling(options)
    )


def _simulations(tables, options):
    from astro_wgan.evaluate import rank_simulations

    (_, observed), *others = tables.items()
    return rank_simulations(observed, dict(others), **_statistic(options), **_resampling(options))


def _rates(tables, options):
    from astro_wgan.evaluate import detection_rates

    chosen = {} if options.percentiles is None else {'percentiles': options.percentiles}
    classes = _classes(tables, options)
    return detection_rates(tables, classes, normal_scores=options.normal, **chosen)


def _rates_by(tables, options):
    from astro_wgan.evaluate import detection_rates_by

    chosen = {}
    if options.percentiles is not None:
        if len(options.percentiles) > 1:
            raise ValueError(
                f'`--percentiles` must be one number with `--by`; got {options.percentiles}.'
            )
        chosen['percentile'] = options.percentiles[0]
    name, first = next(iter(tables.items()))
    return detection_rates_by(
        _column(first, options.by, name),
        tables,
        _classes(tables, options),
        normal_scores=options.normal,
        bins=options.bins,
        **chosen,
    )


def _metrics(tables, options):
    from astro_wgan.evaluate import ranking_metrics

    return ranking_metrics(tables, _classes(tables, options), normal_class=options.normal)


def _draw_scores(found, tables, options):
    from astro_wgan.visualize import plot_scores

    return plot_scores(tables)


def _draw_scores_by(found, tables, options):
    from astro_wgan.visualize import plot_populations_by

    return plot_populations_by(found, populations=tuple(tables), label=options.by)


def _draw_simulations(found, tables, options):
    from astro_wgan.visualize import plot_ranking

    return plot_ranking(found)


def _draw_rates(found, tables, options):
    from astro_wgan.visualize import plot_detection_rates

    return plot_detection_rates(found, normal_classes=options.normal)


def _draw_rates_by(found, tables, options):
    from astro_wgan.visualize import plot_detection_rates_by

    return plot_detection_rates_by(found, label=options.by)


_SCORES = _Task('scores', _scores, _draw_scores, ('resamples',))
_SCORES_BY = _Task(
    'scores by property', _scores_by, _draw_scores_by, ('by', 'statistic', 'resamples')
)
_PROPERTIES = _Task('properties', _properties, None, ('properties', 'statistic', 'resamples'))
_SIMULATIONS = _Task('simulations', _simulations, _draw_simulations, ('statistic', 'resamples'))
_RATES = _Task('detection rates', _rates, _draw_rates, ('classes', 'normal', 'percentiles'))
_RATES_BY = _Task(
    'detection rates by property',
    _rates_by,
    _draw_rates_by,
    ('classes', 'normal', 'percentiles', 'by'),
)
_METRICS = _Task('ranking metrics', _metrics, None, ('classes', 'normal', 'metrics'))

#: Options that say what is compared, or how.
_CHOOSING = ('by', 'properties', 'classes', 'normal', 'metrics', 'percentiles', 'statistic')


def _task_of(options):
    """What the options ask for."""
    if options.classes is not None:
        if options.metrics:
            return _METRICS
        return _RATES if options.by is None else _RATES_BY
    if options.properties is not None:
        return _PROPERTIES
    if options.by is not None:
        return _SCORES_BY
    return _SCORES if len(options.tables) <= 2 else _SIMULATIONS


def _check_options(task, options):
    """Refuse options without a meaning for what is compared, and a wrong number of tables."""
    given = vars(options)
    for name in (*_CHOOSING, 'resamples'):
        if given[name] not in (None, False) and name not in task.uses:
            raise ValueError(f'`--{name}` has no meaning for a comparison of {task.name}.')
    if options.classes is not None and options.normal is None:
        raise ValueError('`--normal` must name the class of the normal objects with `--classes`.')
    if options.classes is None and task is not _SIMULATIONS and len(options.tables) != 2:
        raise ValueError(
            f'A comparison of {task.name} is one of two tables; got {len(options.tables)}.'
        )
    if options.figure is not None:
        if task.draw is None:
            raise ValueError(f'There is no figure of {task.name}: leave out `--figure`.')
        if Path(options.figure).suffix.lower() not in _FIGURES:
            raise ValueError(
                f'`--figure` must be {", ".join(_FIGURES)} by its name; got {options.figure!r}.'
            )
        import_optional('matplotlib', purpose='Figures need')


def _names_of(options):
    names = options.names
    if names is None:
        names = [Path(path).absolute().name.partition('.')[0] for path in options.tables]
    if len(names) != len(options.tables) or len(set(names)) < len(names):
        raise ValueError(
            f'`--names` must be {len(options.tables)} different names, one of each table; got '
            f'{", ".join(names)}.'
        )
    return names


def _resampling(options):
    chosen = {} if options.resamples is None else {'n_resamples': options.resamples}
    return chosen | {'seed': options.seed, 'progress': not options.quiet}


def _statistic(options):
    return {} if options.statistic is None else {'statistic': options.statistic}


def _classes(tables, options):
    import numpy as np

    name, first = next(iter(tables.items()))
    return np.asarray(_column(first, options.classes, name)).astype(str)


def _column(table, column, name):
    if column not in table.colnames:
        raise ValueError(
            f'The table {name} must have the column {column!r}; it has {", ".join(table.colnames)}.'
        )
    return table[column]


def _numbers_of_text(text):
    """Numbers that are separated by commas."""
    try:
        return [float(word) for word in text.split(',')]
    except ValueError:
        raise argparse.ArgumentTypeError(f'must be numbers such as 85,90; got {text!r}') from None


def _lines(table):
    """Rows of a table as text, with numbers of four digits."""
    shown = table.copy()
    for name in shown.colnames:
        if shown[name].dtype.kind == 'f':
            shown[name].info.format = '.4g'
    return shown.pformat(max_lines=-1, max_width=-1)
