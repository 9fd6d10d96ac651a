"""The command ``astro-wgan train``."""

from astro_wgan.commands.files.stamp_input import add_stamps, open_stamps, report_of_stamps
from astro_wgan.commands.options.command import add_command
from astro_wgan.commands.options.configuration_file import write_record
from astro_wgan.commands.options.training_options import add_initial_model, add_training
from astro_wgan.commands.options.worker_options import add_workers, chosen_workers
from astro_wgan.tensorflow_messages import without_messages

__all__ = ['add_train']

_EXAMPLES = (
    ('stamps in a store', 'astro-wgan train stamps.zarr --output model'),
    (
        'for ten minutes, with another seed',
        'astro-wgan train stamps.zarr --output model --minutes 10 --seed 3',
    ),
    (
        'cutouts, from random weights',
        "astro-wgan train 'cutouts/*.fits' --size 64 --output model --initial-model none",
    ),
    (
        'with features that another network has made of the same stamps',
        'astro-wgan train stamps.zarr --output model --features features.npz',
    ),
)


def add_train(commands):
    """Add the command to the subparsers of ``astro-wgan``."""
    add_command(
        commands,
        'train',
        run=_train,
        add_options=_add_options,
        help='train a model on stamps, and calibrate its scores',
        description='Train a WGAN, and a classifier of injected anomalies, on most of some stamps, '
        'and calibrate the score on the others. Writes the folder of a model that astro-wgan '
        'score, hunt and survey take. The same command goes on from an interruption.',
        examples=_EXAMPLES,
        configs=_configs,
    )


def _configs():
    from astro_wgan.hunting import DetectorConfig

    return {'train': DetectorConfig()}


def _add_options(add):
    add_stamps(add, with_images=False)
    add(
        '--output',
        required=True,
        is_kept=False,
        metavar='DIR',
        help='folder of the model; the same command goes on from an interruption',
    )
    add_training(add, 'train')
    add_initial_model(add)
    add(
        '--features',
        is_path=True,
        metavar='FILE',
        help='features of the stamps in their order, whose distance from those of normals becomes '
        'a term of the score: an array (.npy, .npz), a table with a column features, or a network '
        '(.onnx)',
    )
    add_workers(add)


def _train(options):
    from astro_wgan.features import read_features
    from astro_wgan.hunting import train_detector

    features = None if options.features is None else read_features(options.features)
    with without_messages(), chosen_workers(options) as workers:
        stamps, left_out = open_stamps(options)
        detector = train_detector(
            stamps,
            output=options.output,
            config=options.configs['train'],
            initial_model=None if options.initial_model == 'none' else options.initial_model,
            features=features,
            **workers,
            progress=not options.quiet,
        )
    write_record(options.record, options.output)
    summary = _summary(detector, options)
    thresholds = ', '.join(f'{p}th {t:.3f}' for p, t in detector.calibration_.thresholds().items())
    lines = [
        f'Trained on {summary["n_trained_on"]:,} stamps for {summary["iterations"]:,} iterations; '
        f'calibrated on {summary["n_held_out"]:,} others.',
        f'Scores at percentiles of normals: {thresholds}.',
        f'Model: {options.output}',
    ]
    return report_of_stamps(summary, lines, left_out)


def _summary(detector, options):
    calibration, made = detector.calibration_, detector.wgan.provenance_
    return {
        'output': options.output,
        'size': detector.wgan.network.size,
        'bands': [band.name for band in detector.wgan.bands_],
        'n_trained_on': made['stamps'],
        'n_held_out': len(calibration.held_out_scores),
        'iterations': made['iterations'],
        'seconds': made['seconds'],
        'classifier': hasattr(detector, 'classifier_'),
        'contamination': calibration.contamination,
        'thresholds': {str(p): float(t) for p, t in calibration.thresholds().items()},
    }
