"""The command ``astro-wgan convert``."""

from glob import glob
from pathlib import Path

from astro_wgan.commands.files.input_paths import input_paths
from astro_wgan.commands.files.stamp_input import (
    add_stamps,
    are_cutouts,
    cutout_reading,
    open_stamps,
    report_of_stamps,
)
from astro_wgan.commands.files.stamp_output import (
    check_stamp_output,
    write_cutout_store,
    write_cutouts,
    write_stamps,
)
from astro_wgan.commands.files.table_output import (
    check_file_output,
    check_table_output,
    fit_for_file,
)
from astro_wgan.commands.options.command import add_command
from astro_wgan.commands.options.report import Report
from astro_wgan.tensorflow_messages import without_messages

__all__ = ['add_convert']

#: What an output is, by the ending of its name. FITS files are stamps or tables.
_KINDS = {
    '.zarr': 'store',
    '.reg': 'regions',
    '.keras': 'network',
    '.fits': 'fits',
    '.fit': 'fits',
    '.fits.gz': 'fits',
    '.fit.gz': 'fits',
}

#: Files by which folders of results are known.
_RESULTS = ('scores.ecsv', 'survey.json')

#: Endings of names of pictures, each a stamp.
_PICTURES = ('.png', '.jpg', '.jpeg', '.tif', '.tiff')

#: Bytes of a FITS file in which the header of its first table is.
_HEADERS = 2**16

#: Networks of a model that can be written alone.
_NETWORKS = ('generator', 'critic', 'encoder', 'noise')

_EXAMPLES = (
    ('a store as one FITS table', 'astro-wgan convert stamps.zarr stamps.fits'),
    (
        'a store as a FITS file with an image for each stamp, which DS9 opens',
        'astro-wgan convert stamps.zarr images.fits --image-each',
    ),
    ('a store as a folder of FITS files', 'astro-wgan convert stamps.zarr cutouts/'),
    ('cutouts as a store', "astro-wgan convert 'cutouts/*.fits' stamps.zarr"),
    ('scores for TOPCAT', 'astro-wgan convert scores.ecsv scores.vot'),
    (
        'the fifty strangest sources as regions of DS9',
        'astro-wgan convert scores.ecsv strangest.reg --number 50',
    ),
    ('the ranking of a survey', 'astro-wgan convert survey ranking.parquet'),
    ('a model of an earlier version', 'astro-wgan convert former model'),
    ('the generator alone, for Keras', 'astro-wgan convert model generator.keras'),
    ('that of the model of the package', 'astro-wgan convert simulated_f160w generator.keras'),
)


def add_convert(commands):
    """Add the command to the subparsers of ``astro-wgan``."""
    add_command(
        commands,
        'convert',
        run=_convert,
        add_options=_add_options,
        help='convert stamps, tables and models between formats',
        description='Write stamps, a table or a model in the format that the name of the output '
        'says: .zarr, .fits, or a folder of FITS files (cutouts/) for stamps; .ecsv, .fits, .vot, '
        '.parquet, .csv or regions of DS9 (.reg) for tables, also that of stamps; a folder or '
        'NETWORK.keras for models.',
        examples=_EXAMPLES,
    )


def _add_options(add):
    add_stamps(add, with_images=False, also='; a table; the folder of a hunt, survey or model')
    add('output', is_kept=False, metavar='OUTPUT', help='file or folder to write')
    add('--overwrite', is_flag=True, help='replace what is there')
    add(
        '--image-each',
        action='store_true',
        help='a FITS file of stamps gets an image for each, instead of one table',
    )
    add(
        '--number',
        type=int,
        metavar='N',
        help='write the N rows of the highest ranks, or scores, alone (default: all)',
    )


def _convert(options):
    output = options.output
    kind = _kind_of(output)
    _check_output(kind, options)
    if len(options.images) == 1 and _is_model(Path(options.images[0])):
        with without_messages():
            return _convert_model(kind, options)
    if kind == 'network':
        raise ValueError(
            f'OUTPUT {output} is a network by its name: the input must be the folder of a model; '
            f'got {options.images[0]}.'
        )
    if kind == 'store' and are_cutouts(options):
        return _store_cutouts(options)
    stamps, found = _content_of(kind, options)
    if stamps is None:
        return _write_rows(found, kind, options)
    if kind in ('table', 'regions'):
        return _write_rows(stamps.table, kind, options, left_out=found)
    return _write_stamps(stamps, kind, options, left_out=found)


def _kind_of(output):
    """What an output is by its name."""
    from astro_wgan.catalogs.result_files.table_writing import TABLE_ENDINGS

    name = output.lower()
    for ending, kind in _KINDS.items():
        if name.endswith(ending):
            return kind
    if name.endswith(tuple(TABLE_ENDINGS)):
        return 'table'
    if name.endswith('/') or Path(output).is_dir() or not Path(output).suffix:
        return 'folder'
    raise ValueError(
        f'OUTPUT must be a folder, or end in {", ".join({**_KINDS, **TABLE_ENDINGS})}; got '
        f'{output!r}.'
    )


def _check_output(kind, options):
    """Refuse what cannot be written, and options without a meaning, before anything is read."""
    output, inputs, name = options.output, input_paths(options), 'OUTPUT'
    if options.number is not None and kind not in ('table', 'regions', 'fits'):
        raise ValueError('`--number` is for tables and regions: leave it out.')
    if options.number is not None and options.number < 1:
        raise ValueError(f'`--number` must be at least 1; got {options.number}.')
    if options.image_each and kind != 'fits':
        raise ValueError(f'`--image-each` is for FITS files of stamps; got {output!r}.')
    are_models = all(_is_model(Path(path)) for path in (output, *options.images))
    if kind == 'folder' and options.overwrite and are_models:
        # `save` replaces a model in one step.
        return
    if kind in ('store', 'folder'):
        check_stamp_output(output, inputs=inputs, overwrite=options.overwrite, option=name)
        return
    check_file_output(output, inputs=inputs, option=name)
    if Path(output).exists() and not options.overwrite:
        raise FileExistsError(f'OUTPUT {output} exists: give `--overwrite` to replace it.')
    if kind in ('table', 'fits'):
        check_table_output(output, inputs=inputs, option=name)


def _content_of(kind, options):
    """The stamps that are the input and the cutouts that are not read, or None and a table."""
    from astro_wgan.exceptions import ImageError
    from astro_wgan.images.file_checks import is_fits
    from astro_wgan.remote.uris import is_uri
    from astro_wgan.surveying.results_table import results_table

    path = Path(options.images[0])
    is_there = path.exists() or is_uri(options.images[0]) or glob(options.images[0], recursive=True)
    if path.suffix and not is_there:
        raise FileNotFoundError(f'There is no {path}.')
    is_one = len(options.images) == 1 and path.exists()
    if is_one and any((path / name).is_file() for name in _RESULTS):
        if kind in ('table', 'regions', 'fits'):
            return None, results_table(path)
        options.images = [str(path / 'stamps.zarr')]
    elif is_one and path.is_file():
        with open(path, 'rb') as file:
            begin = file.read(512)
        if not is_fits(begin) and path.suffix.lower() not in _PICTURES:
            return None, results_table(path)
        if is_fits(begin):
            try:
                return open_stamps(options)
            except ImageError:
                if _holds_stamps(path):
                    raise
                return None, results_table(path)
    return open_stamps(options)


def _holds_stamps(path):
    """Whether a FITS file says that it is one of stamps, though it may be damaged."""
    from astro_wgan.stamp_files.described_stamps import TABLE

    with open(path, 'rb') as file:
        return f"= '{TABLE:8}'".encode() in file.read(_HEADERS)


def _write_rows(table, kind, options, *, left_out=()):
    # Not at the top, which the list of commands would wait for.
    from astro_wgan.catalogs import write_regions, write_table

    output = options.output
    if kind in ('store', 'folder') or options.image_each:
        raise ValueError(
            f'{options.images[0]} is a table, and OUTPUT {output} would be stamps: name a table, '
            'such as scores.fits.'
        )
    if kind == 'regions':
        # The rows of the highest ranks of those that have a position.
        path = write_regions(table, output, number=options.number, overwrite=True)
        number = path.read_text(encoding='utf-8').count('\ncircle(')
    else:
        if options.number is not None:
            table = table[_highest(table)[: options.number]]
        write_table(fit_for_file(table, output), output, overwrite=True)
        number = len(table)
    summary = {'output': output, 'kind': kind, 'number': number}
    return report_of_stamps(summary, [f'{number:,} rows: {output}'], left_out)


def _highest(table):
    """Rows from the highest rank on; of a table without ranks from the highest score on."""
    import numpy as np

    from astro_wgan.catalogs.columns import numbers_or_nan

    for name, sign in (('joined_rank', 1), ('rank', 1), ('score', -1)):
        if name in table.colnames:
            return np.argsort(sign * numbers_or_nan(table[name]), kind='stable')
    raise ValueError(
        f'`--number` needs a table with a column rank or score; it has {", ".join(table.colnames)}.'
    )


def _write_stamps(stamps, kind, options, *, left_out):
    output = options.output
    if options.number is not None:
        raise ValueError('`--number` is for tables and regions: of stamps all are written.')
    if kind == 'folder':
        write_cutouts(stamps, output, progress=not options.quiet)
    else:
        form = 'fits_images' if options.image_each else None
        write_stamps(stamps, output, record=options.record, form=form)
    summary = {'output': output, 'kind': 'stamps', 'number': len(stamps)}
    return report_of_stamps(summary, [f'{len(stamps):,} stamps: {output}'], left_out)


def _store_cutouts(options):
    """More cutouts than fit in memory, too."""
    number, left_out = write_cutout_store(
        options.images if len(options.images) > 1 else options.images[0],
        options.output,
        record=options.record,
        **cutout_reading(options),
    )
    summary = {'output': options.output, 'kind': 'stamps', 'number': number}
    return report_of_stamps(summary, [f'{number:,} stamps: {options.output}'], left_out)


def _is_model(path):
    from astro_wgan.hunting.initial_model import model_folder

    return (model_folder(path) / 'model.json').is_file() and not any(
        (path / name).is_file() for name in _RESULTS
    )


def _convert_model(kind, options):
    from astro_wgan.anomaly import AnomalyDetector
    from astro_wgan.hunting.initial_model import model_folder
    from astro_wgan.wgan import WGAN

    output = options.output
    if kind not in ('folder', 'network'):
        raise ValueError(
            f'{options.images[0]} is a model: OUTPUT must be a folder, or a network such as '
            f'generator.keras; got {output!r}.'
        )
    path = model_folder(options.images[0])
    is_detector = (path / 'detector.json').is_file()
    model = (AnomalyDetector if is_detector else WGAN).load(path)
    if kind == 'folder':
        model.save(output)
        return Report({'output': output, 'kind': 'model'}, lines=[f'Model: {output}'])
    _write_network(model.wgan if is_detector else model, output)
    return Report({'output': output, 'kind': 'network'}, lines=[f'Network: {output}'])


def _write_network(wgan, output):
    from astro_wgan.files.atomic import atomic_write
    from astro_wgan.wgan.serialization.model_folder import write_network_file

    networks = {name: getattr(wgan, f'{name}_') for name in _NETWORKS}
    networks = {name: network for name, network in networks.items() if network is not None}
    name = Path(output).stem
    if name not in networks:
        raise ValueError(
            f'A file of a network must be called as one of the networks of the model, '
            f'{", ".join(networks)}, such as generator.keras; got {Path(output).name!r}.'
        )
    with atomic_write(output) as temporary:
        write_network_file(networks[name], temporary)
