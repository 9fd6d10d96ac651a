"""The commands ``astro-wgan similar`` and ``astro-wgan rerank``."""

import argparse
from itertools import combinations
from pathlib import Path

from astro_wgan.commands.cli_results import add_results
from astro_wgan.tensorflow_messages import without_messages

__all__ = ['add_rerank', 'add_similar']

#: Sources that are printed.
_PRINTED = 10


def add_similar(commands):
    """Add the parser of ``similar``."""
    add = _add_command(
        commands,
        'similar',
        _similar,
        help='find more sources like some',
        description='Rank the stamps of results by how much their features are like those of one '
        'source, or of the nearest of several.',
    )
    add('--to', nargs='+', required=True, metavar='ID', help='ids of the sources')
    add('-n', '--number', type=int, default=100, metavar='N', help='number of sources')


def add_rerank(commands):
    """Add the parser of ``rerank``."""
    add = _add_command(
        commands,
        'rerank',
        _rerank,
        help='rank results by labels of some sources',
        description='Rank the sources of results by labels of some of them, their features and '
        'their scores. Labels of several people are merged.',
    )
    add(
        '--labels',
        nargs='+',
        metavar='FILE',
        help='files of labels, by default labels.jsonl beside the results',
    )
    add(
        '--relevant',
        nargs='+',
        metavar='LABEL',
        help='labels of sources that are sought, by default interesting',
    )


def _add_command(commands, name, run, **about):
    command = commands.add_parser(
        name, formatter_class=argparse.ArgumentDefaultsHelpFormatter, **about
    )
    command.set_defaults(run=run)
    add = command.add_argument
    add_results(add)
    add('--output', metavar='FILE', help='table to write, such as similar.ecsv or similar.fits')
    add('--quiet', action='store_true', help='do not show progress')
    add('--traceback', action='store_true', help='show the traceback of an error')
    return add


def _similar(options):
    import numpy as np

    with without_messages():
        results = _opened(options)
        detector = _loaded(results)
        stamps = results.stamps.read(np.flatnonzero(results.stamps.known))
        table = detector.similar(
            stamps, to=options.to, n=options.number, progress=not options.quiet
        )
    for row in table[:_PRINTED]:
        print(f'  {row["id"]}: distance {row["distance"]:.3f}')
    _write(table, options.output)
    return 0


def _rerank(options):
    import numpy as np

    from astro_wgan.labeling import LabelFile, RelevanceConfig, merge_labels, rerank
    from astro_wgan.labeling.label_merging import join_labels
    from astro_wgan.labeling.relevance import checked_ranking

    # What does not need the model first, since it takes seconds to load.
    relevant = options.relevant or ['interesting']
    config = RelevanceConfig(
        relevant=relevant,
        irrelevant=[label for label in LabelFile.standard if label not in relevant],
    )
    with without_messages():
        results = _opened(options)
        merged = merge_labels(*(options.labels or [results.label_file]))
        checked_ranking(results.table, merged['id', 'label'], config=config)
        detector = _loaded(results)
        known = np.flatnonzero(results.stamps.known)
        stamps = results.stamps.read(known)
        features = detector.features(stamps, progress=not options.quiet)
    rows = np.full((len(results), features['features'].shape[1]), np.nan, np.float32)
    rows[known] = features['features']
    table = rerank(results.table, rows, merged['id', 'label'], config=config)
    table = join_labels(table, merged)
    table = table[np.argsort(table['joined_rank'])]
    _print_agreement(merged)
    about = table.meta['relevance']
    print(f'{about["labels"]} labels; what features add to each: {about["gain"]:.2f}.')
    for row in table[table['label'].mask][:_PRINTED]:
        relevance = f'{row["relevance"]:.2f} +- {row["relevance_error"]:.2f}'
        print(f'  {row["joined_rank"]}. {row["id"]}: relevance {relevance}')
    _write(table, options.output)
    return 0


def _opened(options):
    """Results with a model, which takes seconds to load; the output is checked first."""
    from astro_wgan.browsing import Results

    _check_output(options.output)
    results = Results.open(options.results, stamps=options.stamps, model=options.model)
    if results.model is None:
        raise ValueError('`--model` must name the folder of the model that scored the results.')
    return results


def _loaded(results):
    from astro_wgan.anomaly import AnomalyDetector

    return AnomalyDetector.load(results.model)


def _check_output(path):
    """Refuse what no table can be written to, before features are measured."""
    from astropy.io.registry import identify_format
    from astropy.table import QTable

    if path is None:
        return
    if not identify_format('write', QTable, path, None, [], {}):
        raise ValueError(
            f'`--output` must be a table by its name, such as similar.ecsv or similar.fits; got '
            f'{path!r}.'
        )
    folder = Path(path).absolute().parent
    if not folder.is_dir():
        raise FileNotFoundError(f'There is no folder {folder} for `--output`.')


def _print_agreement(merged):
    """Cohen's kappa of each two people who labeled the same sources."""
    from astro_wgan.labeling import cohens_kappa

    people = [name for name in merged.colnames if name.startswith('by_')]
    for first, second in combinations(people, 2):
        kappa = cohens_kappa(merged[first], merged[second])
        if kappa == kappa:
            names = f'{first.removeprefix("by_")} and {second.removeprefix("by_")}'
            print(f"Cohen's kappa of {names}: {kappa:.2f}")


def _write(table, path):
    from astro_wgan.files.atomic import atomic_write

    if path is None:
        return
    with atomic_write(path) as temporary:
        table.write(temporary)
    print(f'Table: {path}')
