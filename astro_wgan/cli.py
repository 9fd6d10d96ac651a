"""The command line program ``astro-wgan``."""

import argparse
import os
import sys
from dataclasses import fields, replace
from pathlib import Path

# Nothing that takes time to import: Ctrl-C is handled once `main` runs.
import astro_wgan

__all__ = ['main']


def main(arguments=None):
    """
    Run the command line.

    Parameters
    ----------
    arguments : list of str, optional
        Arguments of the command, by default those of the process.

    Returns
    -------
    int
        0 on success, 2 for invalid input, 130 after Ctrl-C.
    """
    try:
        return _run(arguments)
    except KeyboardInterrupt:
        print('\nInterrupted. The same command goes on from here.', file=sys.stderr)
        return 130


def _run(arguments):
    options = _parser().parse_args(arguments)
    # Hides messages of TensorFlow about its start.
    os.environ.setdefault('TF_CPP_MIN_LOG_LEVEL', '3')
    from astropy.units import UnitsError

    try:
        return options.run(options)
    except Exception as error:
        if options.traceback:
            raise
        # Messages of several lines are joined.
        message = ' '.join(str(error).split()).replace('(`max_size`)', '(`--max-size`)')
        # In astropy 8 a UnitsError is not a ValueError.
        if not message or not isinstance(error, (OSError, TypeError, ValueError, UnitsError)):
            message = f'{_unexpected(error, message)} --traceback shows where.'
        print(f'astro-wgan: {message}', file=sys.stderr)
        return 2


def _unexpected(error, message):
    """Sentence for an error that is not about the input."""
    if isinstance(error, MemoryError):
        return f'There is not enough memory: {message.rstrip(".")}.'
    return f'Unexpected error: {type(error).__name__}: {message.rstrip(".")}.'


def _parser():
    parser = argparse.ArgumentParser(prog='astro-wgan', description=astro_wgan.__doc__)
    version = f'astro_wgan {astro_wgan.__version__}'
    parser.add_argument('--version', action='version', version=version)
    commands = parser.add_subparsers(metavar='COMMAND', required=True)
    _add_hunt(commands)
    _add_observe(commands)
    return parser


def _add_hunt(commands):
    from astro_wgan.datasets import image_names

    defaults = astro_wgan.HuntConfig()
    detection = defaults.detection
    command = commands.add_parser(
        'hunt',
        help='find the most anomalous sources of an image',
        description='Detect the sources of an image, train a WGAN on them, and rank them by '
        'anomaly score. Writes scores.ecsv, stamps.zarr, a model and gallery.html.',
        formatter_class=argparse.ArgumentDefaultsHelpFormatter,
    )
    command.set_defaults(run=_hunt)
    add = command.add_argument
    add('image', help=f'FITS, JPEG or PNG file, or a bundled image: {", ".join(image_names())}')
    add(
        '--output',
        metavar='DIR',
        help='folder that keeps the results; the same command goes on from an interruption '
        '(default: hunt-NAME)',
    )
    add('--size', type=int, default=defaults.size, help='edge of the stamps in pixels')
    add(
        '--preset',
        choices=['compact', 'paper'],
        default=defaults.preset,
        help='configuration of the networks',
    )
    add('--epochs', type=float, help='number of passes over the stamps')
    add('--minutes', type=float, help='time limit of the training in minutes')
    add(
        '--iterations',
        type=int,
        help='number of generator iterations (default: 600, if no other limit is given)',
    )
    add('--seed', type=int, default=defaults.seed, help='seed of the split and of the training')
    add('--model', metavar='DIR', help='use the model of an earlier hunt instead of training one')
    add(
        '--held-out-fraction',
        type=float,
        default=defaults.held_out_fraction,
        metavar='FRACTION',
        help='fraction of the stamps that is not trained on and sets the thresholds',
    )
    add(
        '--contamination',
        type=_number_or_estimate,
        default=defaults.contamination,
        metavar='FRACTION',
        help="fraction of anomalies among the held-out stamps, or 'estimate'",
    )
    add(
        '--partial',
        choices=['drop', 'fill'],
        default=defaults.partial,
        help='drop stamps that extend beyond the image, or mask them there',
    )
    add('--n-cards', type=int, default=defaults.n_cards, help='number of cards on the page')
    add('--hdu', help='number or name of the HDU of a FITS file (default: the first image)')
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
        '--threshold',
        type=float,
        default=detection.threshold,
        help='detection threshold in units of the noise',
    )
    add(
        '--min-area',
        type=int,
        default=detection.min_area,
        help='minimum area of a source in pixels',
    )
    add(
        '--deblend-levels',
        type=int,
        default=detection.deblend_levels,
        help='number of deblending levels',
    )
    add(
        '--deblend-contrast',
        type=float,
        default=detection.deblend_contrast,
        help='deblending contrast (DEBLEND_MINCONT)',
    )
    add(
        '--background-box',
        type=int,
        default=detection.background_box,
        help='size of the background mesh in pixels',
    )
    add('--background', type=float, help='known background level, 0 if it has been subtracted')
    add('--quiet', action='store_true', help='do not show progress')
    add('--traceback', action='store_true', help='show the traceback of an error')


def _hunt(options):
    from astro_wgan.detection import DetectionConfig
    from astro_wgan.hunting import HuntConfig, hunt

    image, credit = _find_image(options.image)
    given = vars(options)
    detection = replace(
        HuntConfig().detection,
        **{f.name: given[f.name] for f in fields(DetectionConfig) if f.name in given},
    )
    settings = {f.name: given[f.name] for f in fields(HuntConfig) if given.get(f.name) is not None}
    config = HuntConfig(**settings, detection=detection)
    output = Path(options.output or f'hunt-{Path(options.image).name.split(".")[0]}')
    result = hunt(
        image,
        output=output,
        config=config,
        model=options.model,
        hdu=_number_or_name(options.hdu),
        plane=options.plane,
        zeros=options.zeros,
        max_size=options.max_size,
        progress=not options.quiet,
    )
    if not options.quiet:
        _print_summary(result, credit)
    return 0


def _find_image(name):
    """Path of an image, and the credit of a bundled one."""
    from astro_wgan import datasets

    if not Path(name).exists() and name in datasets.image_names():
        return datasets.image_path(name), datasets.image_info(name).credit
    return name, None


def _number_or_estimate(text):
    return text if text == 'estimate' else float(text)


def _number_or_name(text):
    return int(text) if text is not None and text.isdigit() else text


def _print_summary(result, credit):
    from astro_wgan.anomaly.calibration.calibration import PERCENTILES

    table = result.table
    above = ', '.join(
        f'{int(table[f"anomalous_{percentile}"].sum())} above the {percentile}th'
        for percentile in PERCENTILES
    )
    print(f'{len(table)} sources: {above} percentile of the normals.')
    ranked = table[table['rank'] <= 5]
    ranked.sort('rank')
    for row in ranked:
        score, p_value = f'{row["score"]:.3f}', f'{row["p_value"]:.2g}'
        print(f'  {row["rank"]}. source {row["id"]}: score {score}, p = {p_value}')
    print(f'Gallery: {result.folder / "gallery.html"}')
    if credit:
        print(f'Image: {credit}')


def _add_observe(commands):
    command = commands.add_parser(
        'observe',
        help='make mock observations of a simulated galaxy',
        description='Move images of simulated galaxies to some redshift and give them the pixels, '
        'the PSF and the noise of a survey. Writes a FITS image for each galaxy and redshift, in '
        'electron / s, with the image without noise and the PSF as extensions, and all stamps as '
        'stamps.zarr.',
        formatter_class=argparse.ArgumentDefaultsHelpFormatter,
    )
    command.set_defaults(run=_observe)
    add = command.add_argument
    add(
        'images',
        nargs='+',
        metavar='IMAGE',
        help='FITS images of surface brightness (AB mag or '
        'flux density per solid angle) with pixels in kpc, or a bundled simulation: '
        'encounter_passage, encounter_remnant',
    )
    add(
        '--instrument',
        metavar='NAME',
        default='hst_acs_f814w',
        help='camera and survey; an unknown name lists them',
    )
    add(
        '--redshift', type=float, nargs='+', required=True, help='redshifts to move the galaxies to'
    )
    add('--size', type=int, default=128, help='edge of the images in pixels')
    add('--output', metavar='DIR', help='folder that keeps the results (default: observe-NAME)')
    add('--bands', action='store_true', help='images are bands of one galaxy')
    add('--unit', help='unit of the images (default: BUNIT)')
    add(
        '--pixel-scale',
        type=float,
        metavar='KPC',
        help='pixel scale of the images (default: CDELT1)',
    )
    add('--image-redshift', type=float, help='redshift of the images (default: REDSHIFT)')
    add(
        '--wavelength',
        type=float,
        nargs='+',
        metavar='NM',
        help='observed wavelength of each image, or plane of a cube (default: WLEFF, or the '
        'table written by SKIRT)',
    )
    add('--plane', type=int, help='plane of a cube (default: all, as bands)')
    add(
        '--max-size',
        type=float,
        metavar='BYTES',
        help='limit of an image (default: 1/4 of the memory)',
    )
    add(
        '--center',
        type=float,
        nargs=2,
        metavar=('X', 'Y'),
        help='pixel at the center of the stamps',
    )
    add('--psf', metavar='FITS', help='image of a star, instead of the PSF of the instrument')
    add(
        '--psf-scale',
        type=float,
        metavar='ARCSEC',
        help='pixel scale of that image (default: that of the instrument)',
    )
    add(
        '--exposure-time',
        type=float,
        metavar='S',
        help='exposure time (default: that of the survey)',
    )
    add(
        '--sky-image',
        metavar='FITS',
        help='observed image in electron / s whose clean sky is the '
        'noise, instead of Gaussian noise of the depth',
    )
    add('--seed', type=int, default=0, help='seed of the noise')
    add('--processes', type=int, default=1, help='number of processes')
    add('--quiet', action='store_true', help='do not show progress')
    add('--traceback', action='store_true', help='show the traceback of an error')


def _observe(options):
    from astro_wgan.mocks.fits_output import write_mock
    from astro_wgan.mocks.observing import noise_free_path, observe

    names, maps = _read_light_maps(options)
    instrument = _instrument(options)
    output = Path(options.output or f'observe-{names[0]}')
    redshifts = options.redshift * len(maps)
    labels = [f'{name}-z{redshift:g}' for name in names for redshift in options.redshift]
    store_path = output / 'stamps.zarr'
    store = observe(
        [light for light in maps for _ in options.redshift],
        instrument,
        redshift=redshifts,
        seed=options.seed,
        size=options.size,
        center=options.center,
        sky_noise=_sky_noise(options),
        output=store_path,
        processes=options.processes,
        progress=not options.quiet,
    )
    noise_free = astro_wgan.StampStore.open(noise_free_path(store_path))
    for k, label in enumerate(labels):
        path = output / f'{label}.fits'
        write_mock(path, store[k : k + 1], 0, instrument, noise_free=noise_free[k : k + 1])
        if not options.quiet:
            print(f'{path}: {_describe_mock(store.table[k])}')
    thanks = {light.meta['credit'] for light in maps if 'credit' in light.meta}
    if thanks and not options.quiet:
        print('\n'.join(f'Simulation: {credit}' for credit in sorted(thanks)))
    return 0


def _describe_mock(row):
    rest = row['rest_wavelength'].to_value('nm')
    return (
        f'AB magnitude {row["magnitude"].value:.2f} at redshift {row["redshift"]:g}, '
        f'light at {rest:.0f} nm in the rest frame: {_BAND_MATCH[row["band_match"]]}'
    )


_BAND_MATCH = {
    'interpolated': 'between bands of the image',
    'matched': 'that of the image',
    'nearest': 'there is no band, the nearest was taken',
    'unknown': 'taken to be that of the image',
}


#: Options that say what the images are.
_OF_IMAGES = ('unit', 'pixel-scale', 'image-redshift', 'wavelength', 'plane')


def _read_light_maps(options):
    """Names and light maps of the images of the command."""
    from astropy import units as u

    from astro_wgan.datasets import light_map_names, load_light_map
    from astro_wgan.mocks import read_light_map

    given = {
        'unit': options.unit,
        'pixel_scale': None if options.pixel_scale is None else options.pixel_scale * u.kpc,
        'redshift': options.image_redshift,
        'plane': options.plane,
        'max_size': options.max_size,
    }
    lengths = None if options.wavelength is None else options.wavelength * u.nm
    if options.bands:
        light = read_light_map(options.images, wavelength=lengths, **given)
        return [_short_name(options.images[0])], [light]
    several = len(options.images) > 1
    if lengths is not None and several and len(lengths) != len(options.images):
        raise ValueError('`--wavelength` must be one for each image.')
    maps = []
    for k, name in enumerate(options.images):
        if name in light_map_names() and not Path(name).exists():
            unused = [o for o in _OF_IMAGES if getattr(options, o.replace('-', '_')) is not None]
            if unused:
                raise ValueError(
                    f'{name} is bundled, and what its images are is known: '
                    f'leave out --{", --".join(unused)}.'
                )
            maps.append(load_light_map(name))
        else:
            length = lengths[k] if lengths is not None and several else lengths
            maps.append(read_light_map(name, wavelength=length, **given))
    names = [_short_name(name) for name in options.images]
    if len(set(names)) < len(names):
        raise ValueError(f'Images must have different names; got {", ".join(names)}.')
    return names, maps


def _short_name(path):
    return Path(path).name.removesuffix('.gz').removesuffix('.fits')


def _instrument(options):
    from astropy import units as u

    from astro_wgan.mocks import ImagePSF, get_instrument
    from astro_wgan.mocks.observing import with_exposure_time

    instrument = get_instrument(options.instrument)
    if options.exposure_time is not None:
        instrument = with_exposure_time(instrument, options.exposure_time * u.s)
    if options.psf_scale is not None and options.psf is None:
        raise ValueError('`--psf-scale` is that of the image of a star: give `--psf`, too.')
    if options.psf is not None:
        scale = instrument.pixel_scale
        if options.psf_scale is not None:
            scale = options.psf_scale * u.arcsec
        instrument = replace(instrument, psf=ImagePSF(options.psf, scale))
    return instrument


def _sky_noise(options):
    from astro_wgan.noise import find_sky

    return (
        None
        if options.sky_image is None
        else find_sky(options.sky_image, max_size=options.max_size)
    )


if __name__ == '__main__':
    sys.exit(main())
