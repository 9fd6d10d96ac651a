"""Options of commands that read images: HDUs, masks, layouts of surveys, files at URIs."""

from pathlib import Path

from astro_wgan.commands.options.stamp_options import names_of_bands

__all__ = [
    'add_images',
    'add_positions',
    'add_reading',
    'bundled_credit',
    'find_images',
    'reading_of',
]

_PLANES = {
    'mask': 'pixels to mask in addition',
    'weight': 'weights, which mask pixels where they are not above 0',
    'uncertainty': 'standard deviations, or variances if its name says so',
}


def add_images(add, *, also=''):
    """
    Add the images of a field, one for each band, and the option that names the bands.

    Parameters
    ----------
    add : callable
        `~astro_wgan.commands.options.command.Command.add` of a command.
    also : str, optional
        What else may be given, for the help.
    """
    from astro_wgan.datasets import image_names

    add(
        'images',
        is_path=True,
        nargs='+',
        metavar='IMAGE',
        help='FITS, JPEG or PNG file, or its URI (s3://, https://), one for each band, or a '
        f'bundled image: {", ".join(image_names())}{also}',
    )
    add(
        '--bands',
        type=names_of_bands,
        metavar='NAMES',
        help='names of the bands of the images, such as g,r,i (default: what differs in the names '
        'of the files)',
    )


def add_positions(add):
    """
    Add the option for positions of sources instead of their detection.

    Parameters
    ----------
    add : callable
        `~astro_wgan.commands.options.command.Command.add` of a command.
    """
    add(
        '--positions',
        is_path=True,
        metavar='TABLE',
        help='table of the centers of the stamps (ECSV, CSV, text or FITS), instead of detection: '
        'x and y, or ra and dec, by the names of any catalog; or a catalog of the sky in Parquet '
        'or HATS, of which the sources in the image are read',
    )


def add_reading(add):
    """
    Add the options.

    Parameters
    ----------
    add : callable
        `~astro_wgan.commands.options.command.Command.add` of a command.
    """
    from astro_wgan.images import RemoteFiles, layout_names

    add(
        '--hdu',
        type=hdu_of_text,
        help='HDU of a FITS file: number, name, or name and version as in SCI,2 (default: the '
        'first image)',
    )
    add(
        '--layout',
        default='auto',
        help='meaning of the extensions of a FITS file and of the files beside it: '
        f'{", ".join(layout_names())}; by default chosen from the header and the name of the file',
    )
    for name, what in _PLANES.items():
        add(
            f'--{name}',
            type=file_or_hdu,
            is_path=True,
            action='append',
            metavar='FILE|HDU',
            help=f'{what}: a FITS file, or an HDU of the image; once, or once for each image',
        )
    add(
        '--bits',
        type=bits_of_text,
        help='bad bits of masks: values, as in 1,512, -1 for all, or names, as in BAD,SAT',
    )
    add('--plane', type=int, help='plane of a cube')
    add(
        '--zeros',
        choices=['auto', 'keep', 'mask'],
        default='auto',
        help='exact zeros: masked where they fill areas within noise (auto), never, or always',
    )
    add(
        '--max-size',
        type=float,
        metavar='BYTES',
        help='maximum size of the image (default: 1/4 of the memory)',
    )
    add(
        '--anonymous',
        action='store_true',
        help='read public buckets (s3://) without credentials',
    )
    add(
        '--retries',
        type=int,
        default=RemoteFiles().retries,
        help='how often a request for a file at a URI is repeated after a failure',
    )
    add(
        '--timeout',
        type=float,
        default=RemoteFiles().timeout,
        metavar='SECONDS',
        help='after which a server that does not answer has failed',
    )


def reading_of(options, *, planes=True):
    """
    Options of `~astro_wgan.images.read_image`.

    Parameters
    ----------
    options : argparse.Namespace
        With ``images`` and ``bands``.
    planes : bool, optional
        With mask, weight and uncertainty.

    Returns
    -------
    dict

    Raises
    ------
    ValueError
        If there are some, but not for each image.
    """
    from astro_wgan.images import RemoteFiles

    reading = {
        name: getattr(options, name)
        for name in ('hdu', 'plane', 'zeros', 'max_size', 'layout', 'bits')
    }
    if planes:
        reading |= {name: _of_each_band(name, options) for name in _PLANES}
    reading['remote'] = RemoteFiles(
        anonymous=options.anonymous, retries=options.retries, timeout=options.timeout
    )
    return reading


def find_images(names):
    """
    Path of an image, or of each of several.

    Parameters
    ----------
    names : list of str
        Paths, URIs, or names of bundled images.

    Returns
    -------
    str or `~pathlib.Path`, or list of these

    Raises
    ------
    FileNotFoundError
        If a name is none of these.
    """
    from astro_wgan.datasets import image_names, image_path
    from astro_wgan.remote.uris import is_uri

    found = []
    for name in names:
        if not Path(name).exists() and name in image_names():
            found.append(image_path(name))
        elif is_uri(name) or Path(name).exists():
            found.append(name)
        elif Path(name).suffix:
            raise FileNotFoundError(f'There is no file {name}.')
        else:
            raise FileNotFoundError(
                f'There is no file {name}, and no bundled image of this name: '
                f'{", ".join(image_names())}.'
            )
    return found if len(found) > 1 else found[0]


def bundled_credit(names):
    """Whom to thank for those of some images that are bundled, or None."""
    from astro_wgan.datasets import image_info, image_names

    credit = [
        image_info(name).credit
        for name in names
        if not Path(name).exists() and name in image_names()
    ]
    return ' '.join(dict.fromkeys(credit)) or None


def hdu_of_text(text):
    """Number, name, or name and version of an HDU."""
    name, comma, version = text.rpartition(',')
    if comma and name and version.strip().isdigit():
        return name.strip(), int(version)
    return int(text) if text.isdigit() else text


def file_or_hdu(text):
    """A file or its URI, or an HDU."""
    from astro_wgan.remote.uris import is_uri

    if is_uri(text):
        return text
    return Path(text) if Path(text).exists() else hdu_of_text(text)


def bits_of_text(text):
    """Values or names, separated by commas."""
    parts = [part.strip() for part in text.split(',')]
    try:
        return [int(part, 0) for part in parts]
    except ValueError:
        return parts


def _of_each_band(name, options):
    """What an option says for all images, or by band if it was given for each."""
    from astro_wgan.hunting.band_images import band_names

    values, images = getattr(options, name), options.images
    if values is None or len(values) == 1:
        return None if values is None else values[0]
    if len(values) != len(images):
        raise ValueError(
            f'`--{name}` must be given once, or once for each of the {len(images)} images; got '
            f'{len(values)}.'
        )
    return dict(zip(options.bands or band_names(images), values, strict=True))
