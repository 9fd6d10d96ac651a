"""The command ``astro-wgan hunt``."""

import argparse
from pathlib import Path

from astro_wgan.commands.options.command import add_command
from astro_wgan.commands.options.configuration_file import record_text
from astro_wgan.commands.options.report import Report
from astro_wgan.commands.options.size_option import size_of_text
from astro_wgan.commands.options.stamp_options import add_detection, add_making, names_of_bands
from astro_wgan.commands.options.worker_options import add_workers, chosen_workers
from astro_wgan.tensorflow_messages import without_messages

__all__ = ['add_hunt']


_EXAMPLES = (
    ('a bundled image, in a minute', 'astro-wgan hunt hubble_xdf --minutes 1'),
    (
        'the three bands of a field, of which sources are detected in all',
        'astro-wgan hunt g.fits r.fits i.fits --bands g,r,i --detect-in chi2 --output field',
    ),
    (
        'another image by the model of an earlier hunt',
        'astro-wgan hunt other.fits --model field --output other',
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
    from astro_wgan.datasets import image_names, model_names
    from astro_wgan.images import RemoteFiles, layout_names

    add(
        'images',
        is_path=True,
        nargs='+',
        metavar='IMAGE',
        help='FITS, JPEG or PNG file, or its URI (s3://, https://), one for each band, or a '
        f'bundled image: {", ".join(image_names())}',
    )
    add(
        '--bands',
        type=names_of_bands,
        metavar='NAMES',
        help='names of the bands of the images, such as g,r,i (default: what differs in the names '
        'of the files)',
    )
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
    add(
        '--preset',
        choices=['compact', 'paper'],
        sets='hunt.preset',
        help='configuration of the networks',
    )
    add(
        '--stretch',
        choices=['auto', 'asinh', 'linear'],
        sets='hunt.stretch',
        help='scale of the intensities: linear for images that were stretched for display before, '
        'such as JPEG pictures, asinh for all others (auto), or always one of them',
    )
    add(
        '--epochs',
        type=float,
        sets='hunt.epochs',
        help='number of passes over the stamps',
    )
    add(
        '--minutes',
        type=float,
        sets='hunt.minutes',
        help='time limit of the training in minutes',
    )
    add(
        '--iterations',
        sets='hunt.iterations',
        type=int,
        help='number of generator iterations (default: 600, or 300 from an initial model, if no '
        'other limit is given)',
    )
    add(
        '--classifier',
        action='store_true',
        sets='hunt.classifier',
        help='train a classifier of injected anomalies, which takes a minute or two',
    )
    add('--seed', type=int, sets='hunt.seed', help='seed of the split and of the training')
    add(
        '--model',
        is_path=True,
        metavar='DIR',
        help='use the model of an earlier hunt instead of training one',
    )
    add(
        '--initial-model',
        default='auto',
        is_path=True,
        metavar='NAME',
        help='model whose weights the training starts from: the one of the package if networks and '
        f'pixel scale fit (auto), {", ".join(model_names())}, the folder of a hunt, or none',
    )
    add(
        '--positions',
        is_path=True,
        metavar='TABLE',
        help='table of the centers of the stamps (ECSV, CSV, text or FITS), instead of detection: '
        'x and y, or ra and dec, by the names of any catalog; or a catalog of the sky in Parquet '
        'or HATS, of which the sources in the image are read',
    )
    add_making(add, 'hunt')
    add(
        '--held-out-fraction',
        type=float,
        sets='hunt.held_out_fraction',
        metavar='FRACTION',
        help='fraction of the stamps that is not trained on and sets the thresholds',
    )
    add(
        '--contamination',
        type=_number_or_estimate,
        sets='hunt.contamination',
        metavar='FRACTION',
        help="fraction of anomalies among the held-out stamps, or 'estimate'",
    )
    add(
        '--partial',
        choices=['drop', 'fill'],
        sets='hunt.partial',
        help='drop stamps that extend beyond the image, or mask them there',
    )
    add('--n-cards', type=int, sets='hunt.n_cards', help='number of cards on the page')
    add(
        '--hdu',
        type=_hdu,
        help='HDU of a FITS file: number, name, or name and version as in SCI,2 (default: the '
        'first image)',
    )
    add(
        '--layout',
        default='auto',
        help='meaning of the extensions of a FITS file and of the files beside it: '
        f'{", ".join(layout_names())}; by default chosen from the header and the name of the file',
    )
    for name, what in (
        ('mask', 'pixels to mask in addition'),
        ('weight', 'weights, which mask pixels where they are not above 0'),
        ('uncertainty', 'standard deviations, or variances if its name says so'),
    ):
        add(
            f'--{name}',
            type=_file_or_hdu,
            is_path=True,
            action='append',
            metavar='FILE|HDU',
            help=f'{what}: a FITS file, or an HDU of the image; once, or once for each image',
        )
    add(
        '--bits',
        type=_bits,
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
    add_detection(add, 'hunt.detection')
    add_workers(add)


def _hunt(options):
    with without_messages():
        return _run(options)


def _run(options):
    from astro_wgan.hunting import hunt, summarize_hunt
    from astro_wgan.images import RemoteFiles

    image, credit = _find_images(options.images)
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
            hdu=options.hdu,
            plane=options.plane,
            zeros=options.zeros,
            max_size=options.max_size,
            layout=options.layout,
            **{name: _of_each_band(name, options) for name in ('mask', 'weight', 'uncertainty')},
            bits=options.bits,
            remote=RemoteFiles(
                anonymous=options.anonymous, retries=options.retries, timeout=options.timeout
            ),
            **workers,
            record=record_text(options.record),
            progress=not options.quiet,
        )
    return Report(summarize_hunt(result), lines=_summary_lines(result, credit))


def _find_images(names):
    """Path of an image, or of each of several, and the credit of a bundled one."""
    from astro_wgan.datasets import image_info, image_names, image_path
    from astro_wgan.remote.uris import is_uri

    found, credit = [], []
    for name in names:
        if not Path(name).exists() and name in image_names():
            found.append(image_path(name))
            credit.append(image_info(name).credit)
        elif is_uri(name) or Path(name).exists() or Path(name).suffix:
            found.append(name)
        else:
            raise FileNotFoundError(
                f'There is no file {name}, and no bundled image of this name: '
                f'{", ".join(image_names())}.'
            )
    return found if len(found) > 1 else found[0], ' '.join(dict.fromkeys(credit)) or None


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


def _name_of(options):
    """Name of the hunt: that of its image, or those of its bands."""
    from astro_wgan.hunting.band_images import band_names
    from astro_wgan.remote.uris import name_of

    if len(options.images) == 1:
        return name_of(options.images[0]).split('.')[0]
    return '-'.join(options.bands or band_names(options.images))


def _number_or_estimate(text):
    try:
        return text if text == 'estimate' else float(text)
    except ValueError:
        raise argparse.ArgumentTypeError(f"must be a number or 'estimate'; got {text!r}") from None


def _hdu(text):
    """Number, name, or name and version of an HDU."""
    name, comma, version = text.rpartition(',')
    if comma and name and version.strip().isdigit():
        return name.strip(), int(version)
    return int(text) if text.isdigit() else text


def _file_or_hdu(text):
    from astro_wgan.remote.uris import is_uri

    if is_uri(text):
        return text
    return Path(text) if Path(text).exists() else _hdu(text)


def _bits(text):
    """Values or names, separated by commas."""
    parts = [part.strip() for part in text.split(',')]
    try:
        return [int(part, 0) for part in parts]
    except ValueError:
        return parts


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
