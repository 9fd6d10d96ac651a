"""Arguments of commands that take stamps: a store, a file, cutouts, or an image to cut."""

from dataclasses import fields
from pathlib import Path

from astro_wgan.commands.options.exit_codes import ExitCode
from astro_wgan.commands.options.image_options import add_reading, find_images, reading_of
from astro_wgan.commands.options.report import Report
from astro_wgan.commands.options.size_option import size_of_text
from astro_wgan.commands.options.stamp_options import names_of_bands

__all__ = ['add_stamps', 'are_cutouts', 'cutout_reading', 'open_stamps', 'report_of_stamps']

_STAMPS = (
    'store of stamps (stamps.zarr) or the folder of a hunt, FITS file of stamps, or cutouts that '
    "are a stamp each: a folder of FITS, JPEG or PNG files, a pattern such as 'cutouts/*.fits', "
    'or several files'
)

#: Options without a meaning for stamps in one file.
_OF_CUTOUTS = ('size', 'table', 'bands', 'hdu', 'plane', 'mask', 'weight', 'uncertainty', 'bits')


def add_stamps(add, *, with_images, also=''):
    """
    Add the arguments.

    Parameters
    ----------
    add : callable
        `~astro_wgan.commands.options.command.Command.add` of a command.
    with_images : bool
        Whether an image can be given instead, from which stamps are cut.
    also : str, optional
        What else can be given, for the help.
    """
    if with_images:
        also = '; or, with --detect or --positions, the image of a field, or one for each band'
    add(
        'images',
        is_path=True,
        nargs='+',
        metavar='STAMPS',
        help=_STAMPS + also,
    )
    if with_images:
        add('--detect', action='store_true', help='cut an image at the sources that are detected')
        add(
            '--positions',
            is_path=True,
            metavar='TABLE',
            help='cut an image at the positions in a table, as of astro-wgan cut',
        )
    add(
        '--size',
        type=size_of_text,
        help='edge to which cutouts are cropped or padded'
        + (', and of the stamps of an image' if with_images else '')
        + ', in pixels or as an angle such as 3.84arcsec (default: that of the cutouts'
        + (' or the model, else 64)' if with_images else ')'),
    )
    add('--table', is_path=True, metavar='TABLE', help='table with a row for each cutout')
    add(
        '--bands',
        type=names_of_bands,
        metavar='NAMES',
        help='names, such as g,r,i, of the bands of cubes and pictures'
        + (', or of the images' if with_images else ''),
    )
    add_reading(add)


def open_stamps(options, *, wgan=None):
    """
    The stamps that are named.

    Parameters
    ----------
    options : argparse.Namespace
        Values of the arguments, and ``quiet``.
    wgan : `~astro_wgan.WGAN`, optional
        Model like whose stamps those of an image are cut.

    Returns
    -------
    stamps : `~astro_wgan.StampSet` or `~astro_wgan.StampStore`
    left_out : dict of str
        Why cutouts cannot be read, by the names of their files.

    Raises
    ------
    FileNotFoundError
        If there is no such file.
    ValueError
        If options do not fit together, or stamps cannot be read or cut.
    """
    given = vars(options)
    is_cut = given.get('detect') or given.get('positions') is not None
    if given.get('detect') and given.get('positions') is not None:
        raise ValueError('Give `--detect` or `--positions`, not both.')
    if is_cut:
        return _of_image(options, wgan), {}
    if len(options.images) == 1:
        path = Path(options.images[0])
        _check_exists(options, 'detect' in given)
        used = [name for name in _OF_CUTOUTS if getattr(options, name) is not None]
        # A FITS file of one cutout can be read with options, too.
        if not used or (path / 'zarr.json').is_file():
            stamps = _of_one_file(path)
            if stamps is not None and used:
                raise ValueError(
                    f'`--{used[0]}` is for cutouts and images, and {path} is a store of stamps: '
                    'leave it out.'
                )
            if stamps is not None:
                return stamps, {}
    return _of_cutouts(options)


def are_cutouts(options):
    """
    Whether files of cutouts are named, rather than stamps in one file or store.

    Parameters
    ----------
    options : argparse.Namespace

    Returns
    -------
    bool
    """
    path = Path(options.images[0])
    if len(options.images) > 1 or {*'*?['} & {*options.images[0]}:
        return True
    stores = (path, path / 'stamps.zarr')
    return path.is_dir() and not any((each / 'zarr.json').is_file() for each in stores)


def cutout_reading(options):
    """
    Arguments of `StampSet.from_files <astro_wgan.StampSet.from_files>` beside the paths.

    Parameters
    ----------
    options : argparse.Namespace

    Returns
    -------
    dict
    """
    return {
        'table': options.table,
        'size': options.size,
        'bands': options.bands,
        'progress': not options.quiet,
        **reading_of(options, planes=False),
    }


def report_of_stamps(summary, lines, left_out):
    """
    What a command says of stamps, some of which may have been left out.

    Parameters
    ----------
    summary : dict
        Plain values.
    lines : list of str
        The same for people.
    left_out : dict of str
        From `open_stamps`.

    Returns
    -------
    `~astro_wgan.commands.options.report.Report`
        A part is done if there are some.
    """
    if not left_out:
        return Report(summary | {'left_out': {}}, lines=lines)
    lines = [*lines, f'{len(left_out):,} cutouts could not be read, and are left out.']
    return Report(summary | {'left_out': left_out}, lines=lines, code=ExitCode.PARTLY_DONE)


def _check_exists(options, can_cut):
    """Refuse a name that is neither a file, a folder, a pattern nor a URI."""
    from astro_wgan.datasets import image_names
    from astro_wgan.remote.uris import is_uri

    name = options.images[0]
    if Path(name).exists() or is_uri(name) or {*'*?['} & {*name}:
        return
    if name not in image_names():
        raise FileNotFoundError(f'There is no file or folder {name}.')
    advice = 'Give `--detect` or `--positions`' if can_cut else 'Use `astro-wgan cut`'
    raise ValueError(f'{name} is the image of a field, not of one stamp. {advice} to cut it.')


def _of_one_file(path):
    """The stamps of a store or a FITS file of stamps; None for others."""
    from astro_wgan.images.file_checks import is_fits
    from astro_wgan.stamps import StampSet
    from astro_wgan.store import StampStore

    # The folder of a hunt has them, too.
    for folder in (path, path / 'stamps.zarr'):
        if (folder / 'zarr.json').is_file():
            return StampStore.open(folder)
    if not path.is_file():
        return None
    with open(path, 'rb') as file:
        return StampSet.read(path) if is_fits(file.read(512)) else None


def _of_cutouts(options):
    from astro_wgan.jobs.progress import ProgressLine
    from astro_wgan.stamps import StampSet

    paths = options.images
    stamps = StampSet.from_files(paths[0] if len(paths) == 1 else paths, **cutout_reading(options))
    is_read = stamps.table['status'] == 'read'
    left_out = {str(row['file']): str(row['status']) for row in stamps.table[~is_read]}
    with ProgressLine('reading', quiet=options.quiet) as line:
        for name, reason in left_out.items():
            line.note(f'left out: {name}: {reason}')
    return stamps[is_read], left_out


def _of_image(options, wgan):
    from astro_wgan.hunting import CutConfig
    from astro_wgan.hunting.field import read_field
    from astro_wgan.hunting.stamp_making import StampMaking, making_of_model

    making, size, images = StampMaking(), options.size, options.images
    if wgan is not None:
        making = making_of_model(wgan) or making
        if size is not None and size != wgan.network.size:
            raise ValueError(
                f'`--size` must be that of the model, {wgan.network.size} pixels; got {size}. '
                'Leave it out.'
            )
        size = wgan.network.size
    bands = _bands_of(options, wgan)
    settings = {f.name: getattr(making, f.name) for f in fields(making)}
    if len(bands or images) == 1:
        settings['detect_in'] = None
    # Each position has a row, also those outside of the image.
    settings['partial'], outside = ('drop', 'refuse') if options.detect else ('fill', 'keep')
    field = read_field(
        find_images(images),
        CutConfig(size=64 if size is None else size, **settings),
        bands=bands,
        positions=options.positions,
        outside=outside,
        progress=not options.quiet,
        **reading_of(options),
    )
    return field.stamps if wgan is None else _in_order_of(wgan, field.stamps)


def _bands_of(options, wgan):
    """Names of the bands of the images; of one image for a model of several, those of the model."""
    if options.bands is None and wgan is not None and len(options.images) == 1:
        names = [band.name for band in wgan.bands_]
        return names if len(names) > 1 else None
    return options.bands


def _in_order_of(wgan, stamps):
    """Stamps with their bands in the order of the model, if these are the same."""
    names, known = ([band.name for band in bands] for bands in (stamps.bands, wgan.bands_))
    return stamps[known] if names != known and sorted(names) == sorted(known) else stamps
