"""The command ``astro-wgan``."""

import argparse
import os
import sys
from dataclasses import fields, replace
from pathlib import Path

from astro_wgan import __version__, datasets
from astro_wgan.hunting import HuntConfig
from astro_wgan.stamps import Detection

__all__ = ['main']


def main(arguments=None):
    """
    Run the command line.

    Parameters
    ----------
    arguments : list of str, optional
        Words of the command; those of the process by default.

    Returns
    -------
    int
        0 if all went well, 2 for input that cannot be used, 130 after Ctrl-C.
    """
    options = _parser().parse_args(arguments)
    # TensorFlow's own notes on its start say nothing to an astronomer.
    os.environ.setdefault('TF_CPP_MIN_LOG_LEVEL', '3')
    try:
        return options.run(options)
    except KeyboardInterrupt:
        print('\nInterrupted. The same command goes on from here.', file=sys.stderr)
        return 130
    except (OSError, TypeError, ValueError) as error:
        if options.traceback:
            raise
        print(f'astro-wgan: {error}', file=sys.stderr)
        return 2


def _parser():
    parser = argparse.ArgumentParser(
        prog='astro-wgan', description=sys.modules['astro_wgan'].__doc__
    )
    parser.add_argument('--version', action='version', version=f'astro_wgan {__version__}')
    commands = parser.add_subparsers(metavar='COMMAND', required=True)
    _add_hunt(commands)
    return parser


def _add_hunt(commands):
    defaults, detection = HuntConfig(), HuntConfig().detection
    command = commands.add_parser(
        'hunt',
        help='find the strangest sources of an image',
        description='Detect the sources of an image, learn what is normal among them, and rank '
        'them by how strange they are. Writes scores.ecsv, stamps.zarr, a model and gallery.html.',
        formatter_class=argparse.ArgumentDefaultsHelpFormatter,
    )
    command.set_defaults(run=_hunt)
    add = command.add_argument
    add('image', help=f'FITS, JPEG or PNG file, or a bundled image: {", ".join(datasets.names())}')
    add('--out', metavar='DIR', help='folder for the results (default: hunt-NAME)')
    add('--size', type=int, default=defaults.size, help='edge of the stamps in pixels')
    add('--preset', choices=['compact', 'paper'], default=defaults.preset, help='the networks')
    add('--epochs', type=float, help='show each stamp so often')
    add('--minutes', type=float, help='train so long')
    add('--iterations', type=int, help='or so many generator iterations (400 without any limit)')
    add('--seed', type=int, default=defaults.seed, help='seed of split and training')
    add('--model', metavar='DIR', help='use the model of an earlier hunt instead of training one')
    add('--held-out', type=float, default=defaults.held_out, help='share that is not trained on')
    add(
        '--partial', choices=['drop', 'fill'], default=defaults.partial, help='stamps at the border'
    )
    add('--cards', type=int, default=defaults.cards, help='cards on the page')
    add('--hdu', help='number or name of the HDU of a FITS file')
    add('--plane', type=int, help='plane of a cube')
    add('--threshold', type=float, default=detection.threshold, help='sigma above the sky')
    add('--minimum-area', type=int, default=detection.minimum_area, help='pixels of a source')
    add('--deblend-levels', type=int, default=detection.deblend_levels, help='deblending levels')
    add('--deblend-contrast', type=float, default=detection.deblend_contrast, help='and contrast')
    add('--background-box', type=int, default=detection.background_box, help='boxes of the sky')
    add('--quiet', action='store_true', help='show no progress')
    add('--traceback', action='store_true', help='show where in the code an error comes from')


def _hunt(options):
    from astro_wgan.hunting import hunt

    image, credit = _find_image(options.image)
    given = vars(options)
    detection = replace(
        HuntConfig().detection,
        **{f.name: given[f.name] for f in fields(Detection) if f.name in given},
    )
    settings = {f.name: given[f.name] for f in fields(HuntConfig) if given.get(f.name) is not None}
    config = HuntConfig(**settings, detection=detection)
    out = Path(options.out or f'hunt-{Path(options.image).name.split(".")[0]}')
    result = hunt(
        image,
        out=out,
        config=config,
        model=options.model,
        hdu=_number_or_name(options.hdu),
        plane=options.plane,
        progress=not options.quiet,
    )
    if not options.quiet:
        _print_summary(result, credit)
    return 0


def _find_image(name):
    """The path of an image and the credit that it needs, which only bundled ones have."""
    if not Path(name).exists() and name in datasets.names():
        return datasets.image_path(name), datasets.describe(name).credit
    return name, None


def _number_or_name(text):
    return int(text) if text is not None and text.isdigit() else text


def _print_summary(result, credit):
    table = result.table
    beyond = ', '.join(
        f'{int(table[f"anomalous_{level}"].sum())} beyond {level} per cent'
        for level in (85, 90, 95)
    )
    print(f'{len(table)} sources: {beyond} of the normal ones.')
    strangest = table[table['rank'] <= 5]
    strangest.sort('rank')
    for row in strangest:
        score, p_value = f'{row["score"]:.3f}', f'{row["p_value"]:.2g}'
        print(f'  {row["rank"]}. source {row["id"]}: score {score}, p = {p_value}')
    print(f'Look at {result.folder / "gallery.html"}')
    if credit:
        print(f'Image: {credit}')


if __name__ == '__main__':
    sys.exit(main())
