"""The command ``astro-wgan measure``."""

import argparse

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

__all__ = ['add_measure', 'zero_points_of_text']

_EXAMPLES = (
    ('stamps in a store', 'astro-wgan measure stamps.zarr --output photometry.ecsv'),
    (
        'the sources at the positions in a table, in a bundled image',
        'astro-wgan measure mock_f814w --positions sources.csv --output photometry.fits',
    ),
    (
        'each source of each stamp in a table of its own, by four processes',
        'astro-wgan measure stamps.zarr --output photometry.vot --sources sources.vot '
        '--processes 4',
    ),
    (
        'two bands in the same apertures',
        'astro-wgan measure stamps.zarr --only g,r --detect-in chi2 --output photometry.ecsv',
    ),
)


def add_measure(commands):
    """Add the command to the subparsers of ``astro-wgan``."""
    add_command(
        commands,
        'measure',
        run=_measure,
        add_options=_add_options,
        help='measure positions, fluxes and sizes of the sources in stamps, and their companions',
        description='Detect the sources of each stamp and measure them as SExtractor does. Writes '
        'a table with a row for each stamp: its central source, the number of its neighbors and '
        'the flux ratio of the brightest of them.',
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
        '--sources',
        is_kept=False,
        metavar='FILE',
        help='table to write in addition, with a row for each source',
    )
    add(
        '--only',
        type=names_of_bands,
        metavar='NAMES',
        help='bands to measure, in the same apertures (default: all)',
    )
    add(
        '--detect-in',
        metavar='BAND',
        help='band in which sources are detected, or chi2 for all of them (default: the first)',
    )
    add(
        '--zero-point',
        type=zero_points_of_text,
        metavar='MAG',
        help='AB magnitude of a flux of 1, or of each band, as in g=25.1,r=25.3 (default: that of '
        'the stamps)',
    )
    add('--saturation', type=float, help='pixel value from which on sources are flagged')
    add(
        '--engine',
        choices=['sep', 'photutils'],
        default='sep',
        help='library that detects and measures; photutils is about twenty times slower',
    )
    add_detection(add, 'detection')
    add_workers(add)


def _measure(options):
    from astro_wgan.sources import measure_sources

    inputs = input_paths(options)
    check_table_output(options.output, inputs=inputs)
    check_table_output(options.sources, inputs=[*inputs, options.output], option='--sources')
    stamps, left_out = open_stamps(options)
    partial = state_file(options.output)
    with chosen_workers(options) as workers:
        found = measure_sources(
            stamps,
            detection=options.configs['detection'],
            band=options.only,
            detect_in=options.detect_in,
            zero_point=options.zero_point,
            saturation=options.saturation,
            engine=options.engine,
            output=partial,
            progress=not options.quiet,
            **workers,
        )
    write_table(found.stamps, options.output, record=options.record)
    if options.sources is not None:
        write_table(found.sources, options.sources, record=options.record)
    partial.unlink(missing_ok=True)
    counts = found.stamps.meta['status']
    summary = {
        'output': options.output,
        'sources': options.sources,
        'n_stamps': len(found.stamps),
        'n_sources': len(found.sources),
        'status': counts,
    }
    lines = [
        f'{len(found.sources):,} sources in {len(found.stamps):,} stamps.',
        *(f'  {count:,} {status}' for status, count in counts.items()),
        f'Table: {options.output}',
    ]
    return report_of_stamps(summary, lines, left_out)


def zero_points_of_text(text):
    """
    One magnitude, or one of each band by its name.

    Parameters
    ----------
    text : str
        ``'25.1'`` or ``'g=25.1,r=25.3'``.

    Returns
    -------
    float or dict of float

    Raises
    ------
    argparse.ArgumentTypeError
        If it is neither.

    Examples
    --------
    >>> from astro_wgan.commands.measure_stamps import zero_points_of_text
    >>> zero_points_of_text('25.1'), zero_points_of_text('g=25.1,r=25.3')
    (25.1, {'g': 25.1, 'r': 25.3})
    """
    try:
        if '=' not in text:
            return float(text)
        pairs = [pair.split('=') for pair in text.split(',')]
        return {band.strip(): float(value) for band, value in pairs}
    except ValueError:
        raise argparse.ArgumentTypeError(
            f'must be a magnitude, or one of each band as in g=25.1,r=25.3; got {text!r}'
        ) from None
