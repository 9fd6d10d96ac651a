"""The commands ``astro-wgan similar`` and ``astro-wgan rerank``."""

from dataclasses import replace
from itertools import combinations

from astro_wgan.commands.files.input_paths import input_paths
from astro_wgan.commands.files.table_output import check_table_output, write_table
from astro_wgan.commands.options.command import add_command
from astro_wgan.commands.options.report import Report, plain_value
from astro_wgan.commands.options.result_options import add_results
from astro_wgan.tensorflow_messages import without_messages

__all__ = ['add_rerank', 'add_similar']

#: Sources that are printed.
_PRINTED = 10


_SIMILAR = (
    (
        'the hundred sources most like source 12',
        'astro-wgan similar hunt-hubble_xdf --to 12 --output similar.ecsv',
    ),
    (
        'the ten most like either of two, as JSON',
        'astro-wgan similar survey --to J1000 J1001 -n 10 --json',
    ),
)

_RERANK = (
    (
        'by the labels that were given in `astro-wgan browse`',
        'astro-wgan rerank hunt-hubble_xdf --output ranked.ecsv',
    ),
    (
        'by those of two people, who sought mergers',
        'astro-wgan rerank survey --labels anna.jsonl ben.jsonl --relevant merger',
    ),
)


def add_similar(commands):
    """Add the parser of ``similar``."""
    add_command(
        commands,
        'similar',
        run=_similar,
        add_options=_add_similar_options,
        help='find more sources like some',
        description='Rank the stamps of results by how much their features are like those of one '
        'source, or of the nearest of several.',
        examples=_SIMILAR,
    )


def add_rerank(commands):
    """Add the parser of ``rerank``."""
    add_command(
        commands,
        'rerank',
        run=_rerank,
        add_options=_add_rerank_options,
        help='rank results by labels of some sources',
        description='Rank the sources of results by labels of some of them, their features and '
        'their scores. Labels of several people are merged.',
        examples=_RERANK,
        configs=_relevance,
    )


def _relevance():
    from astro_wgan.labeling import RelevanceConfig

    return {'relevance': RelevanceConfig()}


def _add_similar_options(add):
    add_results(add)
    _add_output(add, 'similar.ecsv or similar.fits')
    add('--to', nargs='+', required=True, metavar='ID', help='ids of the sources')
    add('-n', '--number', type=int, default=100, metavar='N', help='number of sources')


def _add_rerank_options(add):
    add_results(add)
    _add_output(add, 'ranked.ecsv, with all columns, the labels and the relevance')
    add(
        '--labels',
        nargs='+',
        is_path=True,
        metavar='FILE',
        help='files of labels, by default labels.jsonl beside the results',
    )
    add(
        '--relevant',
        nargs='+',
        metavar='LABEL',
        help='labels of sources that are sought, by default interesting',
    )


def _add_output(add, examples):
    add('--output', metavar='FILE', is_kept=False, help=f'table to write, such as {examples}')


def _similar(options):
    from astropy.table import QTable

    from astro_wgan.jobs.provenance import provenance_record
    from astro_wgan.labeling import most_similar
    from astro_wgan.labeling.label_columns import rows_of_ids
    from astro_wgan.validation.config_numbers import check_whole_number

    check_whole_number('--number', options.number, 1)
    with without_messages():
        results = _opened(options)
        ids = results.table['id']
        to = rows_of_ids(options.to, ids, name='--to')
        rows, distances = most_similar(_features(results, options), to, options.number)
    table = QTable({'id': ids[rows], 'distance': distances})
    table.meta['provenance'] = provenance_record()
    found = [{'id': plain_value(row['id']), 'distance': float(row['distance'])} for row in table]
    lines = [f'  {each["id"]}: distance {each["distance"]:.3f}' for each in found[:_PRINTED]]
    summary = {'similar': found, 'output': options.output}
    return Report(summary, answer=lines, lines=_written(table, options))


def _rerank(options):
    import numpy as np

    from astro_wgan.labeling import LabelFile, merge_labels, rerank
    from astro_wgan.labeling.label_merging import join_labels
    from astro_wgan.labeling.relevance import checked_ranking

    # What does not need the model first, since it takes seconds to load.
    config = options.configs['relevance']
    if options.relevant:
        irrelevant = [label for label in LabelFile.standard if label not in options.relevant]
        config = replace(config, relevant=options.relevant, irrelevant=irrelevant)
    with without_messages():
        results = _opened(options)
        merged = merge_labels(*(options.labels or [results.label_file]))
        checked_ranking(results.table, merged['id', 'label'], config=config)
        features = _features(results, options)
    table = rerank(results.table, features, merged['id', 'label'], config=config)
    table = join_labels(table, merged)
    table = table[np.argsort(table['joined_rank'])]
    agreement = _agreement(merged)
    about = table.meta['relevance']
    left = [_plain_row(row) for row in table[table['label'].mask][:_PRINTED]]
    lines = [f"Cohen's kappa of {names}: {kappa:.2f}" for names, kappa in agreement.items()]
    lines += [f'{about["labels"]} labels; what features add to each: {about["gain"]:.2f}.']
    lines += [
        f'  {row["rank"]}. {row["id"]}: relevance {row["relevance"]:.2f} '
        f'+- {row["relevance_error"]:.2f}'
        for row in left
    ]
    summary = {'labels': about['labels'], 'gain': plain_value(about['gain']), 'top': left}
    summary |= {'agreement': agreement, 'output': options.output}
    return Report(summary, answer=lines, lines=_written(table, options))


def _plain_row(row):
    names = ('id', 'relevance', 'relevance_error')
    return {'rank': plain_value(row['joined_rank'])} | {
        name: plain_value(row[name]) for name in names
    }


def _opened(options):
    """Results with a model, which takes seconds to load; the output is checked first."""
    from astro_wgan.browsing import Results

    check_table_output(options.output, inputs=input_paths(options))
    results = Results.open(options.results, stamps=options.stamps, model=options.model)
    if results.model is None and 'features' not in results.table.colnames:
        raise ValueError(
            '`--model` must name the folder of the model that scored the results, unless the table '
            'has a column `features`.'
        )
    return results


def _features(results, options):
    """Features of all rows: those of the table, or those kept beside it, or measured now."""
    from astro_wgan.browsing.rows.kept_features import KeptFeatures
    from astro_wgan.jobs.progress import ProgressLine

    kept = KeptFeatures(results)
    if kept.has_column:
        return kept.column()
    from astro_wgan.anomaly import AnomalyDetector

    detector = AnomalyDetector.load(results.model)
    with ProgressLine('measuring features', quiet=options.quiet) as line:
        return kept.measured(
            lambda stamps: detector.features(stamps, progress=False)['features'], line.update
        )


def _agreement(merged):
    """Cohen's kappa of each two people who labeled the same sources, by their names."""
    from astro_wgan.labeling import cohens_kappa

    people = [name for name in merged.colnames if name.startswith('by_')]
    found = {}
    for first, second in combinations(people, 2):
        kappa = cohens_kappa(merged[first], merged[second])
        if kappa == kappa:
            names = f'{first.removeprefix("by_")} and {second.removeprefix("by_")}'
            found[names] = float(kappa)
    return found


def _written(table, options):
    """Write the table, if that was asked for, and the lines that say so."""
    if options.output is None:
        return []
    write_table(table, options.output, record=options.record)
    return [f'Table: {options.output}']
