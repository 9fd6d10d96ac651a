"""The command ``astro-wgan morphology``."""

from glob import escape

from astro_wgan.commands.files.input_paths import input_paths
from astro_wgan.commands.files.stamp_input import add_stamps, open_stamps, report_of_stamps
from astro_wgan.commands.files.table_output import (
    add_table_output,
    check_table_output,
    state_file,
    write_table,
)
from astro_wgan.commands.options.command import add_command
from astro_wgan.commands.options.stamp_options import add_detection, names_of_bands
from astro_wgan.commands.options.worker_options import add_workers, chosen_workers

__all__ = ['add_morphology']

_EXAMPLES = (
    ('stamps in a store', 'astro-wgan morphology stamps.zarr --output morphology.ecsv'),
    (
        'sources at the positions in a table, of which the background has been subtracted',
        'astro-wgan morphology mock_f814w --positions sources.csv --background 0 '
        '--output morphology.fits',
    ),
    (
        'one band, without fits of Sersic models, by four processes',
        'astro-wgan morphology stamps.zarr --only r --no-sersic --output morphology.vot '
        '--processes 4',
    ),
)


def add_morphology(commands):
    """Add the command to the subparsers of ``astro-wgan``."""
    add_command(
        commands,
        'morphology',
        run=_morphology,
        add_options=_add_options,
        help='measure concentration, asymmetry, Gini, M20 and Sersic fits of galaxies in stamps',
        description='Measure the galaxy in each stamp with statmorph: concentration, asymmetry, '
        'smoothness, Gini, M20, radii, shape, and a Sersic fit. Writes a table with a row for each '
        'stamp. The same command goes on from an interruption.',
        examples=_EXAMPLES,
        configs=_configs,
    )


def _configs():
    from astro_wgan.detection import DetectionConfig

    return {'detection': DetectionConfig()}


def _add_options(add):
    add_stamps(add, with_images=True)
    add_table_output(add)
    add(
        '--target',
        choices=['central', 'all'],
        default='central',
        help='measure the central source, with its neighbors masked, or all sources as one',
    )
    add(
        '--only',
        type=names_of_bands,
        metavar='NAMES',
        help='bands to measure, each by itself (default: all)',
    )
    add('--sersic', action='store_true', default=True, help='fit a Sersic model (default: yes)')
    add(
        '--gain',
        type=float,
        help='electrons per unit of the pixels, for stamps without uncertainty (default: the noise '
        'is that of the background)',
    )
    add_detection(add, 'detection')
    add_workers(add)


def _morphology(options):
    from astro_wgan.morphology import measure_morphology
    from astro_wgan.morphology.shape import import_statmorph

    check_table_output(options.output, inputs=input_paths(options))
    import_statmorph()
    stamps, left_out = open_stamps(options)
    partial = state_file(options.output)
    with chosen_workers(options) as workers:
        table = measure_morphology(
            stamps,
            target=options.target,
            segmentation=options.configs['detection'],
            gain=options.gain,
            sersic=options.sersic,
            band=options.only,
            output=partial,
            progress=not options.quiet,
            **workers,
        )
    write_table(table, options.output, record=options.record)
    for path in partial.parent.glob(f'{escape(partial.stem)}*{partial.suffix}'):
        # Of several bands each has one.
        path.unlink()
    measured = int(sum(status.startswith('measured') for status in table['status']))
    summary = {'output': options.output, 'n_stamps': len(table), 'n_measured': measured}
    lines = [f'{measured:,} of {len(table):,} stamps are measured.', f'Table: {options.output}']
    return report_of_stamps(summary, lines, left_out)
