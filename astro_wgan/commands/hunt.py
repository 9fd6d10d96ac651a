"""The command ``astro-wgan hunt``."""

from pathlib import Path

from astro_wgan.commands.options.command import add_command
from astro_wgan.commands.options.configuration_file import record_text
from astro_wgan.commands.options.image_options import (
    add_images,
    add_positions,
    add_reading,
    bundled_credit,
    find_images,
    reading_of,
)
from astro_wgan.commands.options.report import Report
from astro_wgan.commands.options.size_option import size_of_text
from astro_wgan.commands.options.stamp_options import add_detection, add_making
from astro_wgan.commands.options.training_options import add_initial_model, add_training
from astro_wgan.commands.options.worker_options import add_workers, chosen_workers
from astro_wgan.tensorflow_messages import without_messages

__all__ = ['add_hunt']


_EXAMPLES = (
    ('a bundled image, with a minute of training', 'astro-wgan hunt hubble_xdf --minutes 1'),
    (
        'another image by the model of that hunt',
        'astro-wgan hunt other.fits --model hunt-hubble_xdf --output other',
    ),
    (
        'the three bands of a field, of which sources are detected in all',
        'astro-wgan hunt g.fits r.fits i.fits --bands g,r,i --detect-in chi2 --output field',
    ),
    (
        'the same hunt again, from its own results, with another seed',
        'astro-wgan hunt --config field --seed 1 --output again',
    ),
)


def add_hunt(commands):
    """Add the command to the subparsers of ``astro-wgan``."""
    add_command(
        commands,
        'hunt',
        run=_hunt,
        add_options=_add_options,
        help='find the most anomalous sources of an image, in one band or several',
        description='Detect the sources of an image, or of the images of several bands, train a '
        'WGAN on them, and rank them by anomaly score. Writes scores.ecsv, stamps.zarr, a model, '
        'gallery.html and hunt.toml, which repeats the hunt (--config).',
        examples=_EXAMPLES,
        configs=_configs,
    )


def _configs():
    from astro_wgan.hunting import HuntConfig

    return {'hunt': HuntConfig()}


def _add_options(add):
    from astro_wgan.datasets import model_names

    add_images(add)
    add(
        '--output',
        is_kept=False,
        metavar='DIR',
        help='folder that keeps the results; the same command goes on from an interruption '
        '(default: hunt-NAME)',
    )
    add(
        '--size',
        type=size_of_text,
        sets='hunt.size',
        help='edge of the stamps in pixels, or as an angle such as 3.84arcsec',
    )
    add_training(add, 'hunt')
    add(
        '--model',
        is_path=True,
        metavar='DIR',
        help='instead of training a model, use that of an earlier hunt, or '
        f'{", ".join(model_names())}',
    )
    add_initial_model(add)
    add_positions(add)
    add_making(add, 'hunt')
    add(
        '--partial',
        choices=['drop', 'fill'],
        sets='hunt.partial',
        help='drop stamps that extend beyond the image, or mask them there',
    )
    add('--n-cards', type=int, sets='hunt.n_cards', help='number of cards on the page')
    add_reading(add)
    add_detection(add, 'hunt.detection')
    add_workers(add)


def _hunt(options):
    with without_messages():
        return _run(options)


def _run(options):
    from astro_wgan.hunting import hunt, summarize_hunt

    image = find_images(options.images)
    output = Path(options.output or f'hunt-{_name_of(options)}')
    with chosen_workers(options) as workers:
        result = hunt(
            image,
            output=output,
            config=options.configs['hunt'],
            bands=options.bands,
            model=options.model,
            initial_model=None if options.initial_model == 'none' else options.initial_model,
            positions=options.positions,
            **reading_of(options),
            **workers,
            record=record_text(options.record),
            progress=not options.quiet,
        )
    return Report(
        summarize_hunt(result), lines=_summary_lines(result, bundled_credit(options.images))
    )


def _name_of(options):
    """Name of the hunt: that of its image, or those of its bands."""
    from astro_wgan.hunting.band_images import band_names
    from astro_wgan.remote.uris import name_of

    if len(options.images) == 1:
        return name_of(options.images[0]).split('.')[0]
    return '-'.join(options.bands or band_names(options.images))


def _summary_lines(result, credit):
    from astro_wgan.anomaly.calibration.calibration import PERCENTILES

    table = result.table
    above = ', '.join(
        f'{int(table[f"anomalous_{percentile}"].sum())} above the {percentile}th'
        for percentile in PERCENTILES
    )
    lines = [f'{len(table)} sources: {above} percentile of the normals.']
    ranked = table[table['rank'] <= 5]
    ranked.sort('rank')
    for row in ranked:
        score, p_value = f'{row["score"]:.3f}', f'{row["p_value"]:.2g}'
        lines.append(f'  {row["rank"]}. source {row["id"]}: score {score}, p = {p_value}')
    lines.append(f'Gallery: {result.folder / "gallery.html"}')
    if credit:
        lines.append(f'Image: {credit}')
    return lines
