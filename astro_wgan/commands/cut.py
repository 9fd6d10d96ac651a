"""The command ``astro-wgan cut``."""

from pathlib import Path

from astro_wgan.commands.files.input_paths import input_paths
from astro_wgan.commands.files.stamp_output import STAMP_ENDINGS, check_stamp_output, write_stamps
from astro_wgan.commands.options.catalog_option import add_names
from astro_wgan.commands.options.command import add_command
from astro_wgan.commands.options.configuration_file import write_record
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
from astro_wgan.commands.options.stamp_options import (
    MAKING,
    add_detection,
    add_making,
)
from astro_wgan.commands.options.worker_options import add_workers, chosen_workers

__all__ = ['add_cut']

_EXAMPLES = (
    ('the sources of a bundled image', 'astro-wgan cut hubble_xdf --output stamps.zarr'),
    (
        'sources at the positions in a table, 10 arcsec across, in a FITS file',
        'astro-wgan cut field.fits --positions sources.csv --size 10arcsec --output stamps.fits',
    ),
    (
        'the three bands of a field, of which sources are detected in all and neighbors masked',
        'astro-wgan cut g.fits r.fits i.fits --detect-in chi2 --neighbors mask '
        '--output stamps.zarr',
    ),
    (
        'all sources of a catalog in the tiles of a survey, by four processes',
        "astro-wgan cut 'tiles/*.fits' --catalog catalog.parquet --output stamps.zarr "
        '--processes 4',
    ),
)


def add_cut(commands):
    """Add the command to the subparsers of ``astro-wgan``."""
    add_command(
        commands,
        'cut',
        run=_cut,
        add_options=_add_options,
        help='cut stamps from an image, the images of several bands, or the tiles of a survey',
        description='Cut a stamp around each source of an image, or at each position of a table. '
        'Writes a store or a FITS file of stamps. With --catalog or --tiles, sources of many tiles '
        'are cut into one store; the same command goes on from an interruption.',
        examples=_EXAMPLES,
        configs=_configs,
    )


def _configs():
    from astro_wgan.hunting import CutConfig

    return {'cut': CutConfig()}


def _add_options(add):
    add_images(
        add,
        also='; with --catalog or --tiles the tiles of a survey, or patterns, in which {band} '
        'stands for the names of --bands',
    )
    add(
        '--output',
        required=True,
        is_kept=False,
        metavar='STAMPS',
        help='store (stamps.zarr) or FITS file (stamps.fits) to write',
    )
    add('--overwrite', is_flag=True, help='replace stamps that are there')
    add(
        '--size',
        type=size_of_text,
        sets='cut.size',
        help='edge of the stamps in pixels, or as an angle such as 3.84arcsec',
    )
    add_positions(add)
    add('--tiles', action='store_true', help='the images are tiles, in which sources are detected')
    add(
        '--catalog',
        is_path=True,
        metavar='TABLE',
        help='the images are tiles: cut each source of this catalog in the tile in which it lies '
        'farthest from the border',
    )
    add_names(add)
    add(
        '--partial',
        choices=['drop', 'fill'],
        sets='cut.partial',
        help='drop stamps that extend beyond the image or the tile, or mask them there',
    )
    add_making(add, 'cut')
    add_detection(add, 'cut.detection')
    add_reading(add)
    add_workers(add)


def _cut(options):
    """Cut stamps, and write them."""
    is_tiled = options.tiles or options.catalog is not None
    _check(options, is_tiled)
    stamps, images = _of_tiles(options) if is_tiled else _of_image(options)
    summary = {
        'output': options.output,
        'n_stamps': len(stamps),
        'n_dropped': stamps.meta.get('dropped', 0),
        'size': list(stamps.shape),
        'bands': [band.name for band in stamps.bands],
        'unit': None if stamps.unit is None else str(stamps.unit),
        'images': images,
        'credit': bundled_credit(options.images),
    }
    lines = [
        f'{len(stamps):,} stamps of {" x ".join(map(str, stamps.shape))} pixels.',
        f'Stamps: {options.output}',
    ]
    if summary['credit']:
        lines.append(f'Image: {summary["credit"]}')
    return Report(summary, lines=lines)


def _check(options, is_tiled):
    """Refuse options that do not fit together, and what cannot be written."""
    if options.tiles and options.catalog is not None:
        raise ValueError('Give `--tiles` to detect sources, or `--catalog`, not both.')
    if is_tiled and options.positions is not None:
        raise ValueError('`--positions` are those in one image; of tiles give a `--catalog`.')
    if options.names is not None and options.catalog is None:
        raise ValueError('`--names` are columns of a `--catalog`: give it, too, or leave it out.')
    if not is_tiled and (options.processes != 1 or options.scheduler is not None):
        raise ValueError(
            '`--processes` and `--scheduler` share tiles, and there is one image: leave them out.'
        )
    if is_tiled:
        if Path(options.output).suffix != '.zarr':
            raise ValueError(
                f'`--output` must be a store for tiles, such as stamps.zarr; got '
                f'{options.output!r}. `astro-wgan convert` makes other forms of it.'
            )
        if options.overwrite:
            raise ValueError(
                '`--overwrite` is for images: of tiles the same command goes on from an '
                'interruption. Remove the store to start anew.'
            )
    else:
        if not options.output.lower().endswith(STAMP_ENDINGS):
            raise ValueError(
                f'`--output` must be stamps by the ending of its name, '
                f'{", ".join(STAMP_ENDINGS)}; got {options.output!r}.'
            )
        check_stamp_output(options.output, inputs=input_paths(options), overwrite=options.overwrite)


def _of_image(options):
    from astro_wgan.hunting.field import read_field

    field = read_field(
        find_images(options.images),
        options.configs['cut'],
        bands=options.bands,
        positions=options.positions,
        progress=not options.quiet,
        **reading_of(options),
    )
    write_stamps(field.stamps, options.output, record=options.record)
    return field.stamps, field.images


def _of_tiles(options):
    from astro_wgan.surveying import cut_tiles

    config, paths = options.configs['cut'], options.images
    with chosen_workers(options) as workers:
        stamps = cut_tiles(
            paths if len(paths) > 1 else paths[0],
            options.catalog,
            output=options.output,
            size=config.size,
            bands=options.bands,
            partial=config.partial,
            detection=config.detection,
            reading=reading_of(options),
            names=options.names,
            **{name: getattr(config, name) for name in MAKING},
            **workers,
            progress=not options.quiet,
        )
    write_record(options.record, options.output)
    return stamps, None
