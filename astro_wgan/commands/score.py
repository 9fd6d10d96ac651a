"""The command ``astro-wgan score``."""

from astro_wgan.commands.files.input_paths import input_paths
from astro_wgan.commands.files.stamp_input import add_stamps, open_stamps, report_of_stamps
from astro_wgan.commands.files.table_output import (
    add_table_output,
    check_file_output,
    check_table_output,
    state_file,
    write_table,
)
from astro_wgan.commands.options.command import add_command
from astro_wgan.commands.options.report import plain_value
from astro_wgan.commands.options.worker_options import add_workers, chosen_workers
from astro_wgan.tensorflow_messages import without_messages

__all__ = ['add_score']

_EXAMPLES = (
    ('stamps in a store', 'astro-wgan score stamps.zarr --model model --output scores.ecsv'),
    (
        'the sources of an image, by the model of a hunt, with a page of ranked stamps',
        'astro-wgan score field.fits --detect --model xdf --output scores.parquet '
        '--gallery scores.html',
    ),
    (
        'sources at the positions in a table, in two bands',
        'astro-wgan score g.fits r.fits --positions sources.csv --model model --output scores.fits',
    ),
    (
        'cutouts, with features that another network has made of them',
        "astro-wgan score 'cutouts/*.fits' --model model --features features.npz "
        '--output scores.vot',
    ),
    (
        'embeddings of any encoder, without images and model',
        'astro-wgan score embeddings.npz --normals normals.npz --output scores.parquet',
    ),
)

#: Stamps that are printed, and their columns in JSON.
_PRINTED = 5
_OF_TOP = ('rank', 'id', 'score', 'p_value')

#: Endings of names of files of features.
_OF_FEATURES = ('.npy', '.npz', '.parquet', '.pq', '.ecsv', '.fits', '.vot')


def add_score(commands):
    """Add the command to the subparsers of ``astro-wgan``."""
    add_command(
        commands,
        'score',
        run=_score,
        add_options=_add_options,
        help='score stamps, or the sources of an image, with a trained model',
        description='Score how anomalous stamps are, with a calibrated model. Writes a table with '
        'scores, p-values and ranks, and, if wanted, a page. Those of an image are made like those '
        'that the model was trained on. The same command goes on from an interruption. Without '
        '--model, a file of features is scored, by their distance from those of normals.',
        examples=_EXAMPLES,
    )


def _add_options(add):
    from astro_wgan.datasets import model_names

    add_stamps(add, with_images=True)
    add(
        '--model',
        is_path=True,
        metavar='DIR',
        help=f'calibrated model: its folder, that of a hunt, or {", ".join(model_names())}; needed '
        'for all but features',
    )
    add_table_output(add)
    add(
        '--gallery',
        is_kept=False,
        metavar='PAGE',
        help='page of ranked stamps to write, such as scores.html',
    )
    add('--n-cards', type=int, default=300, help='number of cards on that page')
    add(
        '--features',
        is_path=True,
        metavar='FILE',
        help='features of the stamps in their order, for a model that was trained with some: an '
        'array (.npy, .npz), a table with a column features, or a network (.onnx)',
    )
    add(
        '--normals',
        is_path=True,
        metavar='FILE',
        help='without --model: features of normals (default: those that are scored)',
    )
    add_workers(add)


def _score(options):
    from astro_wgan.hunting.initial_model import model_folder

    inputs = input_paths(options)
    check_table_output(options.output, inputs=inputs)
    check_file_output(options.gallery, inputs=[*inputs, options.output], option='--gallery')
    if options.n_cards < 1:
        raise ValueError(f'`--n-cards` must be at least 1; got {options.n_cards}.')
    if options.model is None:
        return _report(_scored_features(options), {}, options, of='sources')
    if options.normals is not None:
        raise ValueError('`--normals` is for features that are scored without `--model`.')
    # Before TensorFlow is loaded, which takes seconds.
    if not (model_folder(options.model) / 'detector.json').is_file():
        raise FileNotFoundError(
            f'There is no model in {options.model}, as `astro-wgan train` and `astro-wgan hunt` '
            'write it: it has no detector.json.'
        )
    with without_messages():
        detector, stamps, table, left_out = _scored(options)
        write_table(table, options.output, record=options.record)
        state_file(options.output).unlink(missing_ok=True)
        if options.gallery is not None:
            title = f'Most anomalous of {len(table):,} stamps'
            detector.gallery(stamps, table, options.gallery, title=title, n_cards=options.n_cards)
    return _report(table, left_out, options)


def _scored_features(options):
    """The table of features that are scored by themselves."""
    from pathlib import Path

    from astro_wgan.anomaly import score_features
    from astro_wgan.features import read_features

    path = options.images[0]
    if len(options.images) > 1 or not path.lower().endswith(_OF_FEATURES):
        raise ValueError(
            '`--model` must be given, unless one file of features is to be scored, by its name '
            f'{", ".join(_OF_FEATURES)}; got {" ".join(options.images)}.'
        )
    for name in ('features', 'gallery', 'positions'):
        if getattr(options, name, None) is not None:
            raise ValueError(f'`--{name}` is for stamps, which are scored with `--model`.')
    if options.normals is not None and not Path(options.normals).is_file():
        raise FileNotFoundError(f'There is no file {options.normals} of features of normals.')
    normals = None if options.normals is None else read_features(options.normals)
    table = score_features(read_features(path), normals=normals)
    write_table(table, options.output, record=options.record)
    return table


def _scored(options):
    from astro_wgan.features import read_features
    from astro_wgan.hunting.detector_training import load_tensorflow, trained_rows
    from astro_wgan.hunting.initial_model import model_folder

    features = None if options.features is None else read_features(options.features)
    load_tensorflow(not options.quiet)
    from astro_wgan.anomaly import AnomalyDetector

    detector = AnomalyDetector.load(model_folder(options.model))
    if not hasattr(detector, 'calibration_'):
        raise ValueError(
            '`--model` must be calibrated, as `astro-wgan train` and `astro-wgan hunt` leave it; '
            f'{options.model} is not.'
        )
    stamps, left_out = open_stamps(options, wgan=detector.wgan)
    _check_fits(stamps, detector.wgan, options)
    progress = not options.quiet
    with chosen_workers(options) as workers:
        measured = detector.measure(
            stamps,
            features=features,
            output=state_file(options.output),
            progress=progress,
            **workers,
        )
    rows = trained_rows(detector, stamps)
    table = detector.score(
        measured, in_calibration=None if rows is None else ~rows, progress=progress
    )
    if rows is not None:
        table['trained_on'] = rows
    return detector, stamps, table, left_out


def _check_fits(stamps, wgan, options):
    """Refuse stamps of another size, unit or bands than the model has, before work starts."""
    try:
        wgan.images_from_stamps(stamps[:1])
    except ValueError as error:
        if stamps.shape == (wgan.network.size,) * 2 or options.detect:
            raise
        raise ValueError(
            f'{error} If this is the image of a field, give `--detect` or `--positions`.'
        ) from error


def _report(table, left_out, options, *, of='stamps'):
    from astro_wgan.anomaly.calibration.calibration import PERCENTILES

    n_above = {str(p): int(table[f'anomalous_{p}'].sum()) for p in PERCENTILES}
    above = ', '.join(f'{n:,} above the {p}th' for p, n in n_above.items())
    lines = [f'{len(table):,} {of}: {above} percentile of the normals.']
    top = table[table['rank'] <= _PRINTED]
    top.sort('rank')
    found = []
    for row in top:
        found.append({name: plain_value(row[name]) for name in _OF_TOP})
        score, p_value = f'{row["score"]:.3f}', f'{row["p_value"]:.2g}'
        lines.append(f'  {row["rank"]}. {row["id"]}: score {score}, p = {p_value}')
    lines.append(f'Table: {options.output}')
    if options.gallery is not None:
        lines.append(f'Gallery: {options.gallery}')
    summary = {
        'output': options.output,
        'gallery': options.gallery,
        'n_stamps': len(table),
        'n_above': n_above,
        'top': found,
    }
    return report_of_stamps(summary, lines, left_out)
