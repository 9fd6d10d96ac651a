"""The command ``astro-wgan observe``."""

from dataclasses import replace
from pathlib import Path

from astro_wgan.commands.options.command import add_command
from astro_wgan.commands.options.configuration_file import write_record
from astro_wgan.commands.options.report import Report, plain_value
from astro_wgan.commands.options.size_option import size_of_text
from astro_wgan.commands.options.worker_options import add_workers, chosen_workers

__all__ = ['add_observe']


_EXAMPLES = (
    (
        'a bundled simulation at two redshifts',
        'astro-wgan observe encounter_remnant --redshift 0.5 1 --size 64',
    ),
    (
        'three bands of one galaxy, as another camera sees them',
        'astro-wgan observe g.fits r.fits i.fits --bands --redshift 0.7 '
        '--instrument jwst_nircam_f200w',
    ),
    (
        'the same with another noise, from its own results',
        'astro-wgan observe --config observe-encounter_remnant --seed 1 --output again',
    ),
)


def add_observe(commands):
    """Add the command to the subparsers of ``astro-wgan``."""
    add_command(
        commands,
        'observe',
        run=_observe,
        add_options=_add_options,
        help='make mock observations of a simulated galaxy',
        description='Move images of simulated galaxies to some redshift and give them the pixels, '
        'the PSF and the noise of a survey. Writes a FITS image for each galaxy and redshift, in '
        'electron / s, with the image without noise and the PSF as extensions, all stamps as '
        'stamps.zarr, and observe.toml, which repeats the command (--config).',
        examples=_EXAMPLES,
    )


def _add_options(add):
    add(
        'images',
        is_path=True,
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
    add(
        '--size',
        type=size_of_text,
        default=128,
        help='edge of the images in pixels, or as an angle such as 10arcsec',
    )
    add(
        '--output',
        is_kept=False,
        metavar='DIR',
        help='folder that keeps the results (default: observe-NAME)',
    )
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
    add(
        '--psf',
        is_path=True,
        metavar='FITS',
        help='image of a star, instead of the PSF of the instrument',
    )
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
        is_path=True,
        metavar='FITS',
        help='observed image in electron / s whose clean sky is the '
        'noise, instead of Gaussian noise of the depth',
    )
    add('--seed', type=int, default=0, help='seed of the noise')
    add_workers(add)


def _observe(options):
    from astro_wgan.mocks.fits_output import write_mock
    from astro_wgan.mocks.observing import noise_free_path, observe
    from astro_wgan.store import StampStore

    names, maps = _read_light_maps(options)
    instrument = _instrument(options)
    output = Path(options.output or f'observe-{names[0]}')
    redshifts = options.redshift * len(maps)
    labels = [f'{name}-z{redshift:g}' for name in names for redshift in options.redshift]
    store_path = output / 'stamps.zarr'
    with chosen_workers(options) as workers:
        store = observe(
            [light for light in maps for _ in options.redshift],
            instrument,
            redshift=redshifts,
            seed=options.seed,
            size=options.size,
            center=options.center,
            sky_noise=_sky_noise(options),
            output=store_path,
            **workers,
            progress=not options.quiet,
        )
    # Not before, since the folder may be that of other stamps, which are refused.
    write_record(options.record, output)
    noise_free = StampStore.open(noise_free_path(store_path))
    lines, mocks = [], []
    for k, label in enumerate(labels):
        path = output / f'{label}.fits'
        write_mock(path, store[k : k + 1], 0, instrument, noise_free=noise_free[k : k + 1])
        lines.append(f'{path}: {_describe_mock(store.table[k])}')
        mocks.append({'file': str(path), **_plain_mock(store.table[k])})
    thanks = sorted({light.meta['credit'] for light in maps if 'credit' in light.meta})
    lines += [f'Simulation: {credit}' for credit in thanks]
    summary = {'folder': str(output), 'stamps': str(store_path), 'mocks': mocks}
    return Report(summary | {'credits': thanks}, lines=lines)


def _plain_mock(row):
    return {
        'redshift': plain_value(row['redshift']),
        'magnitude': plain_value(row['magnitude']),
        'rest_wavelength_nm': plain_value(row['rest_wavelength'].to('nm')),
        'band_match': str(row['band_match']),
    }


def _describe_mock(row):
    rest = row['rest_wavelength'].to_value('nm')
    return (
        f'AB magnitude {row["magnitude"].value:.2f} at redshift {row["redshift"]:g}, '
        f'light at {rest:.0f} nm in the rest frame: {_BAND_MATCH[row["band_match"]]}'
    )


_BAND_MATCH = {
    'interpolated': 'between bands of the image',
    'matched': 'that of the image',
    'nearest': 'nearest band, as none matches',
    'unknown': 'assumed to be that of the image',
}


#: Options that describe the images.
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
        raise ValueError(
            f'`--wavelength` must have one value for each of the {len(options.images)} images; got '
            f'{len(lengths)}.'
        )
    maps = []
    for k, name in enumerate(options.images):
        if name in light_map_names() and not Path(name).exists():
            unused = [o for o in _OF_IMAGES if getattr(options, o.replace('-', '_')) is not None]
            if unused:
                raise ValueError(
                    f'{name} is a bundled simulation, whose images are described in their header: '
                    f'omit --{", --".join(unused)}.'
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
