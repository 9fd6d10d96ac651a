"""
Are mock images right from the stars to the pixels, and how quickly are they made?

* ``disk``: an exponential disk of a million star particles, its light map, and its image by Hubble
  in F160W, with the PSF, at three redshifts. statmorph fits a Sersic profile to the map, and one
  blurred by the same PSF to the images: the index should be 1, the half-light radius 1.678 scale
  lengths.
* ``stars``: the FWHM of a star in the middle of a stamp, for Gaussian PSFs, by photutils.
* ``flux``: how much of the light each step keeps.
* ``magnitudes``: one population of Bruzual & Charlot 2003 in F160W and F814W at redshifts up to 3,
  beside an integral by synphot.
* ``speed``: particles on a map, beside the plain loop that adds a Gaussian for each particle, and
  stamps per second.

Needs statmorph; ``magnitudes`` needs synphot, astro-sedpy and bagpipes.

    python -m benchmarks.quality.mocks
    python -m benchmarks.quality.mocks --only disk --particles 200000
"""

from dataclasses import replace
from importlib.util import find_spec

import numpy as np
import statmorph
from astropy import units as u
from astropy.cosmology import Planck18
from photutils.psf import fit_fwhm
from scipy.special import ndtr

from astro_wgan.mocks import (
    INSTRUMENTS,
    FilterCurve,
    GaussianPSF,
    LightMap,
    Particles,
    StellarPopulations,
    get_instrument,
    mock_stamps,
)
from benchmarks.harness import BenchmarkParser, Report, time_in_turns
from benchmarks.results import Column

POWER = u.W / u.Hz

#: Of an exponential disk: scale length in kpc, half-light radius in scale lengths.
SCALE_LENGTH, HALF_LIGHT = 3.0, 1.678


DISK = (
    Column('image', 'of the disk'),
    Column('index', 'Sersic index, which should be 1', '', '.3f'),
    Column('radius', 'half-light radius', 'kpc', '.3f'),
    Column('off', 'percent, from that of the particles', '', '.3f'),
)
STARS = (
    Column('psf', 'and its width'),
    Column('found', 'FWHM', 'pix', '.3f'),
    Column('given', 'FWHM', 'pix', '.3f'),
    Column('off', 'percent', '', '.3f'),
)
FLUX = (
    Column('instrument', 'that sees the galaxy'),
    Column('map', 'light gained from particles to map', '', '.1e'),
    Column('flux', 'from map to flux density', '', '.1e'),
    Column('stamp', 'from flux density to counts of the stamp', '', '.1e'),
)
MAGNITUDES = (
    Column('filter', 'that is looked through'),
    Column('redshift', 'of the population', '', '.1f'),
    Column('age', 'of the population', 'Gyr', '.2f'),
    Column('ours', 'AB magnitude', 'mag', '.3f'),
    Column('synphot', 'AB magnitude', 'mag', '.3f'),
    Column('off', 'the difference', 'mmag', '.3f'),
)
SPEED = (
    Column('what', 'is made'),
    Column('n', 'particles, or stamps', '', ','),
    Column('per second', 'of one core, in processor time', '1 / s', ',.0f'),
)


def main():
    parts = {
        'disk': recover_disk,
        'stars': recover_psf,
        'flux': follow_flux,
        'magnitudes': compare_magnitudes,
        'speed': time_it,
    }
    parser = BenchmarkParser(__doc__, smoke={'particles': 20_000, 'repeats': 1})
    parser.add_argument('--particles', type=int, default=1_000_000)
    parser.add_argument('--only', choices=parts, help='one part')
    parser.add_argument('--repeats', type=int, default=3, help='turns of the timing')
    options = parser.parse_args()
    report = Report(options, 'statmorph', 'synphot')
    for name, part in parts.items():
        if options.only in (None, name):
            part(options, report)
    report.write()


def recover_disk(options, report):
    stars = disk(options.particles, options.seed)
    light = stars.light_map(pixel_scale=0.25 * u.kpc, size=256)
    rows = [('light map', *fitted(light.luminosity.value, 0.25))]
    hubble = get_instrument('hst_wfc3_f160w')
    redshifts = [0.5, 1.0, 2.0]
    stamps = mock_stamps(light, hubble, redshift=redshifts, size=129, progress=False)
    for redshift, image, kpc in zip(
        redshifts, stamps.pixels, stamps.table['pixel_size'], strict=True
    ):
        rows.append((f'F160W, z = {redshift}', *fitted(image, kpc.value, psf=stamps.psf)))
    caption = f'Sersic fits by statmorph of an exponential disk of {options.particles:,} particles.'
    show(report, 'disk', caption, DISK, rows)


def disk(particles, seed):
    rng = np.random.default_rng(seed)
    radius = SCALE_LENGTH * rng.gamma(2, size=particles)
    angle = rng.uniform(0, 2 * np.pi, particles)
    height = rng.normal(scale=0.1, size=particles)
    positions = np.column_stack([radius * np.cos(angle), radius * np.sin(angle), height])
    return Particles(positions * u.kpc, np.full(particles, 1e16) * POWER)


def fitted(image, kpc, psf=None):
    """Sersic index, half-light radius in kpc, and how far that is off, in percent."""
    image = image.astype(float)
    noise = 1e-3 * image.max()
    image = image + np.random.default_rng(1).normal(scale=noise, size=image.shape)
    y, x = np.indices(image.shape) - (np.array(image.shape) - 1).reshape(2, 1, 1) / 2
    source = (np.hypot(x, y) < 6 * SCALE_LENGTH / kpc).astype(int)
    found = statmorph.SourceMorphology(
        image, source, 1, weightmap=np.full(image.shape, noise), psf=psf, skybox_size=8
    )
    radius = found.sersic_rhalf * kpc
    return found.sersic_n, radius, 100 * (radius / (HALF_LIGHT * SCALE_LENGTH) - 1)


def recover_psf(options, report):
    point = np.zeros((21, 21))
    point[10, 10] = 1e22
    star = LightMap(point * POWER, 1e-3 * u.kpc)
    euclid = get_instrument('euclid_vis')
    rows = []
    for pixels in (2.0, 2.5, 3.0, 4.0):
        camera = replace(euclid, psf=GaussianPSF(0.1 * pixels * u.arcsec))
        stamp = mock_stamps(star, camera, redshift=1, size=63, progress=False).pixels[0]
        found = fit_fwhm(stamp.astype(float), fit_shape=31)[0]
        rows.append((f'Gaussian, {pixels:g} pixels', found, pixels, 100 * (found / pixels - 1)))
    show(report, 'stars', 'FWHM of a star by photutils.', STARS, rows)


def follow_flux(options, report):
    stars = disk(50_000, options.seed)
    galaxy = stars.light_map(pixel_scale=0.25 * u.kpc, size=1024)
    kept = (galaxy.luminosity.sum() / stars.luminosity.sum()).to_value('') - 1
    distance = 4 * np.pi * Planck18.luminosity_distance(1) ** 2
    flux = galaxy.flux(1).sum()
    at_distance = (flux * distance / (2 * galaxy.luminosity.sum())).to_value('') - 1
    rows = []
    for name, camera in INSTRUMENTS.items():
        size = int(np.ceil(40 / camera.pixel_scale.value)) if name != 'lsst_i' else 400
        stamp = mock_stamps(galaxy, camera, redshift=1, size=size, progress=False).pixels[0]
        wanted = 10 ** (0.4 * (camera.zero_point - flux.to_value(u.ABmag)))
        rows.append((name, kept, at_distance, stamp.sum(dtype=float) / wanted - 1))
    show(report, 'flux', 'Light that is gained or lost, as a fraction of all.', FLUX, rows)


def compare_magnitudes(options, report):
    missing = [name for name in ('synphot', 'sedpy', 'bagpipes') if find_spec(name) is None]
    if missing:
        report.note(f'Magnitudes are not compared: {", ".join(missing)} not installed.')
        return
    spectra = StellarPopulations.read_bagpipes()
    rows = []
    for name in ('wfc3_ir_f160w', 'acs_wfc_f814w'):
        curve = FilterCurve.read(name)
        for redshift in (0.1, 0.5, 1.0, 2.0, 3.0):
            for age in (0.01, 0.1, 1.0):
                ours, theirs = both_magnitudes(spectra, curve, redshift, age * u.Gyr)
                rows.append((name, redshift, age, ours, theirs, 1000 * (ours - theirs)))
    caption = 'AB magnitude of 1e11 solar masses of one age and solar metallicity.'
    show(report, 'magnitudes', caption, MAGNITUDES, rows)


def both_magnitudes(spectra, curve, redshift, age):
    import synphot

    k = np.abs(spectra.ages - age).argmin()
    solar = np.abs(spectra.metallicities - 1).argmin()
    mass = 1e11 * u.Msun
    power = spectra.luminosity(
        ages=spectra.ages[k],
        metallicities=spectra.metallicities[solar],
        masses=mass,
        filter_curve=curve,
        redshift=redshift,
    )
    ours = LightMap([[power.value]] * power.unit, 1 * u.kpc).flux(redshift).sum()
    area = 4 * np.pi * Planck18.luminosity_distance(redshift) ** 2
    observed = spectra.spectra[solar, k] * mass / area / (1 + redshift)
    source = synphot.SourceSpectrum(
        synphot.Empirical1D,
        points=spectra.wavelength.to(u.AA) * (1 + redshift),
        lookup_table=observed.to(synphot.units.FLAM),
    )
    # synphot goes on with the last throughput where a table does not end with 0.
    wavelength = curve.wavelength.to_value(u.AA)
    wavelength = np.concatenate([wavelength[:1] - 0.01, wavelength, wavelength[-1:] + 0.01])
    band = synphot.SpectralElement(
        synphot.Empirical1D, points=wavelength * u.AA, lookup_table=np.pad(curve.throughput, 1)
    )
    theirs = synphot.Observation(source, band, force='taper').effstim(u.ABmag)
    return ours.to_value(u.ABmag), theirs.value


def time_it(options, report):
    few = replace_widths(disk(min(20_000, options.particles), options.seed))
    many = replace_widths(disk(options.particles, options.seed))
    view = {'pixel_scale': 0.25 * u.kpc, 'size': 256}
    light = many.light_map(**view)
    redshifts = np.linspace(0.5, 2, 200)
    work = {
        'particles, plain loop': (len(few), lambda: plain_loop(few, 0.25, 256)),
        'particles, light_map, as many': (len(few), lambda: few.light_map(**view)),
        'particles, light_map, all': (len(many), lambda: many.light_map(**view)),
        'stamps of 64 x 64 pixels, F160W': (
            len(redshifts),
            lambda: mock_stamps(light, 'hst_wfc3_f160w', redshift=redshifts, progress=False),
        ),
    }
    functions = {name: function for name, (_, function) in work.items()}
    timings = time_in_turns(functions, turns=options.repeats)
    rows = [(name, n, n / timings[name].processor_shortest) for name, (n, _) in work.items()]
    show(report, 'speed', 'How quickly mock images are made.', SPEED, rows)
    looped, mapped = plain_loop(few, 0.25, 256), few.light_map(**view).luminosity.value
    off = np.abs(looped - mapped).max() / looped.max()
    report.note(
        'A map rounds positions to pixels and widths to a quarter of a factor of two: it differs '
        f'from the loop by {100 * off:.1f} percent of the peak.'
    )


def replace_widths(stars):
    """Widths known, as from a simulation's file: what is timed is the deposit."""
    widths = np.random.default_rng(2).uniform(0.3, 2, len(stars))
    return replace(stars, fwhm=widths * u.kpc)


def plain_loop(stars, scale, size):
    """A Gaussian for each particle, summed over pixels, in a box of 5 sigma: NumPy alone."""
    image = np.zeros((size, size))
    sigma = stars.fwhm.value / np.sqrt(8 * np.log(2)) / scale
    places = stars.positions.value[:, :2] / scale + size / 2
    for (x, y), width, light in zip(places, sigma, stars.luminosity.value, strict=True):
        first = np.maximum(0, np.floor([y - 5 * width, x - 5 * width])).astype(int)
        last = np.minimum(size, np.ceil([y + 5 * width, x + 5 * width])).astype(int)
        if (first >= last).any():
            continue
        rows, columns = (
            np.diff(ndtr((np.arange(low, high + 1) - middle) / width))
            for low, high, middle in zip(first, last, (y, x), strict=True)
        )
        image[first[0] : last[0], first[1] : last[1]] += light * np.outer(rows, columns)
    return image


def show(report, name, caption, columns, rows):
    names = [column.name for column in columns]
    report.table(name, caption, columns, [dict(zip(names, row, strict=True)) for row in rows])


if __name__ == '__main__':
    main()
