"""
Simulated against observed galaxies: what tells them apart, and which simulation is nearest.

The third experiment of the paper (Margalef-Bentabol et al. 2020, section 4.2), with the shipped
model, in three parts:

* One property of the simulated normals is changed: no clumps, smooth disks, smaller galaxies, more
  noise, a wider PSF, more neighbors. How far do the scores of each variant lie from those of the
  population as it is, from how many stamps does one notice, and which measured property is named?
* The population as it is, with another seed, takes the place of the observed one. All variants, and
  the second configuration, are ranked by the distance of their scores: the true one should be
  first.
* The sources of every real image that comes with the package, at the pixel scale, with the noise
  and of the brightness that the model knows, against the simulated normals: how anomalous they are,
  in what they differ, and which simulation is nearest.

    pip install "astro_wgan[sim,plot]"
    python -m benchmarks.experiments.simulated_and_observed              # ten minutes
    python -m benchmarks.experiments.simulated_and_observed --stamps 200
"""

import warnings
from dataclasses import replace
from pathlib import Path

import numpy as np
from astropy import units as u
from astropy.nddata import block_reduce
from astropy.table import QTable
from scipy.ndimage import gaussian_filter

from astro_wgan import StampSet, datasets
from astro_wgan.detection import DetectionConfig, detect
from astro_wgan.evaluate import compare_populations, compare_properties, rank_simulations
from astro_wgan.exceptions import DriftWarning
from astro_wgan.noise import estimate_noise_rms
from astro_wgan.simulate import get_simulation_config, simulate
from astro_wgan.sources import measure_sources
from astro_wgan.visualize import plot_scores
from astro_wgan.wgan.image_statistics import measure_image_statistics
from benchmarks.harness import BenchmarkParser, Report
from benchmarks.results import Column, estimate

#: Numbers of stamps from which one may notice a difference, and the p-value that says so.
SAMPLES, NOTICED = (50, 100, 200, 500, 1000, 2000), 0.01

#: With fewer sources of an image, simulations are not ranked.
FEW = 50

#: Pixels of each real image that are joined along each axis, to come near the model's 0.06 arcsec.
REAL = {'hubble_xdf': 1, 'ntt_field': 1}


VARIANTS = (
    Column('variant', 'simulated population'),
    Column('above 90 %', 'percent of stamps above the threshold of 90 percent', '', '.1f'),
    Column('distance', 'of Wasserstein, in standard deviations of normals', '', '.3f'),
    Column('by chance', 'median distance of two samples of one population', '', '.3f'),
    Column('p', 'p-value of the distance', '', '.3f'),
    Column('noticed from', 'least number of stamps with which a difference is noticed'),
    Column('property', 'measured property that differs most'),
    Column('its distance', 'Kolmogorov-Smirnov distance of that property', '', '.3f'),
)
RANKING = (
    Column('rank', 'by the distance'),
    Column('simulation', 'simulated population'),
    Column('distance', 'of Wasserstein, in standard deviations of normals', '', '.3f'),
    Column('by chance', 'distance that chance does not exceed in 95 percent', '', '.3f'),
    Column('nearest in', 'percent of resamplings in which it is the nearest', '', '.0f'),
)
IMAGES = (
    Column('image', 'that comes with the package'),
    Column('sources', 'of it'),
    *(Column(f'above {level} %', 'percent of them', '', '.0f') for level in (85, 90, 95)),
    Column('distance', 'Kolmogorov-Smirnov, from simulated normals', '', '.2f'),
    Column('in what', 'properties that differ most, with their distances'),
)


def main():
    options = read_options()
    report = Report(options, 'galsim')
    detector = datasets.load_model()
    variants = {name: draw_stamps(name, config, options) for name, config in configs().items()}
    scores = {name: scored(detector, stamps) for name, stamps in variants.items()}
    real = real_stamps(variants['sky'])
    real_scores = {name: scored(detector, stamps) for name, stamps in real.items()}
    measured = {name: measure(s) for name, s in {**variants, **real}.items()}
    sky, mocks = split(scores)
    report.table(
        'variants',
        'Simulated normals of which one property was changed, against those of another seed.',
        VARIANTS,
        differences(scores, measured, options),
    )
    report.table(
        'ranking',
        'Simulations in the order of their distance to the sky, which is the first of them with '
        'another seed.',
        RANKING,
        ranking(sky, mocks),
    )
    rows = realities(real_scores, scores, measured)
    report.table('images', 'Sources of real images, against simulated normals.', IMAGES, rows)
    for name, table in real_scores.items():
        if len(table) >= FEW:
            caption = f'Simulations in the order of their distance to ``{name}``.'
            report.table(f'ranking_{name}', caption, RANKING, ranking(table, mocks))
    report.write()
    if options.figure is not None:
        draw(detector, real, real_scores, scores, options.figure)


def read_options():
    parser = BenchmarkParser(
        __doc__, smoke={'stamps': 20, 'processes': 1}, seed=31, work='simulated_and_observed'
    )
    parser.add_argument('--stamps', type=int, default=2000, help='of each simulated population')
    parser.add_argument('--processes', type=int, default=2, help='that simulate')
    parser.add_argument('--figure', type=Path, help='draw scores and sources into this file')
    return parser.parse_args()


def configs():
    """The population that the model learned from, twice, and what else there might be."""
    known = get_simulation_config('benchmark-1')
    shrunk = 1.2
    smaller_optics = replace(
        known.optics,
        diameter=known.optics.diameter / shrunk,
        blur_fwhm=known.optics.blur_fwhm * shrunk,
    )
    return {
        'sky': known,
        'as it is': known,
        'no clumps': replace(known, clumps=replace(known.clumps, mean_number=0.0)),
        'smooth disks': replace(
            known,
            disks=replace(
                known.disks, arm_amplitude=0.0, flocculent_amplitude=0.0, lopsidedness=0.0
            ),
        ),
        # Larger pixels and a PSF as many pixels wide: everything is smaller, and as noisy.
        'smaller galaxies': replace(
            known, pixel_scale=known.pixel_scale * shrunk, optics=smaller_optics
        ),
        'more noise': replace(known, noise=replace(known.noise, rms=1.2 * known.noise.rms)),
        'wider PSF': replace(
            known, optics=replace(known.optics, blur_fwhm=1.6 * known.optics.blur_fwhm)
        ),
        'more neighbors': replace(
            known, neighbors=replace(known.neighbors, mean_number=3 * known.neighbors.mean_number)
        ),
        'benchmark-2': get_simulation_config('benchmark-2'),
    }


def draw_stamps(name, config, options):
    """Stamps of a variant, from the work folder where they are there; all say 0.06 arcsec."""
    seed = options.seed + (name == 'sky')
    path = options.work / f'{name.replace(" ", "-")}-{options.stamps}-{seed}.zarr'
    stamps = simulate(
        {'normal': options.stamps},
        config=config,
        seed=seed,
        output=path,
        processes=options.processes,
    )[:]
    return StampSet(stamps.pixels, unit=stamps.unit, pixel_scale=0.06 * u.arcsec)


def real_stamps(known):
    """
    Stamps of real images with the noise of the model's sky, of sources as bright as it knows.

    Their units are not those of the model, and some have none: they are scaled to its noise, which
    keeps what can be seen of them.
    """
    fluxes = measure_image_statistics(known.pixels)['flux']
    faintest, brightest = 0.5 * np.quantile(fluxes, 0.01), np.quantile(fluxes, 0.99)
    sky_noise = get_simulation_config('benchmark-1').noise.rms
    found = {}
    for name, joined in REAL.items():
        image = np.asarray(datasets.load_image(name).data, dtype=float)
        image = block_reduce(image, joined, func=np.mean)
        image *= sky_noise / np.median(detect(image).noise_rms)
        stamps = StampSet.from_image(
            image, size=64, detection=DetectionConfig(threshold=5, min_area=20), partial='fill'
        )
        pixels = np.where(stamps.valid, stamps.pixels, np.nan)
        border = np.nanmedian(pixels[:, [0, 1, -2, -1]], axis=(1, 2))
        pixels = np.nan_to_num(pixels - border[:, np.newaxis, np.newaxis])
        flux = measure_image_statistics(pixels)['flux']
        kept = (flux > faintest) & (flux < brightest)
        found[name] = StampSet(
            pixels[kept], unit='nJy', pixel_scale=0.06 * u.arcsec, mask=~stamps.valid[kept]
        )
    return found


def scored(detector, stamps):
    with warnings.catch_warnings():
        # That they are not like those of the calibration is what is asked here.
        warnings.simplefilter('ignore', DriftWarning)
        return detector.score(stamps)


def split(scores):
    """The table that plays the sky, and the others."""
    return scores['sky'], {name: table for name, table in scores.items() if name != 'sky'}


def measure(stamps):
    """Simple properties of each stamp, to tell in what two populations differ."""
    found = measure_image_statistics(stamps.pixels)
    power = found.pop('power_spectrum')
    table = QTable(found)
    table['noise'] = estimate_noise_rms(stamps.pixels)
    # Fractions of the power: how bright a galaxy is has a column of its own.
    fractions = 10**power / (10**power).sum(axis=1, keepdims=True)
    for k, fraction in enumerate(fractions.T):
        table[f'power at {(k + 0.5) / 16:.2f} / pixel'] = np.log10(fraction)
    table['asymmetry'], table['texture'] = irregularities(stamps.pixels, table['flux'])
    table['n_neighbors'] = measure_sources(stamps, progress=False).stamps['n_neighbors']
    return table


def irregularities(pixels, flux, radius=16):
    """
    What is not alike after half a turn, and what is finer than 3 pixels, near the center.

    Sums of absolute values, smoothed against noise, as fractions of the flux.
    """
    ny, nx = pixels.shape[1:]
    y, x = np.indices((ny, nx)) - np.array([(ny - 1) / 2, (nx - 1) / 2])[:, np.newaxis, np.newaxis]
    inside = np.hypot(y, x) < radius
    smooth = gaussian_filter(pixels, (0, 1.5, 1.5))
    turned = smooth - smooth[:, ::-1, ::-1]
    fine = smooth - gaussian_filter(pixels, (0, 3, 3))
    return [np.abs(image[:, inside]).sum(axis=1) / flux for image in (turned, fine)]


def differences(scores, measured, options):
    sky, mocks = split(scores)
    for name, table in mocks.items():
        apart = compare_populations(table, sky, n_resamples=200, progress=False)
        apart = apart[apart['statistic'] == 'wasserstein'][0]
        told = compare_properties(measured[name], measured['sky'], n_resamples=400)[0]
        chance = told['p_value'] * len(measured['sky'].colnames) > 0.1
        yield {
            'variant': name,
            'above 90 %': 100 * np.mean(table['anomalous_90']),
            'distance': estimate(apart['distance'], apart['distance_err']),
            'by chance': apart['null_median'],
            'p': apart['p_value'],
            'noticed from': noticed_from(table, sky, options.seed),
            'property': 'none' if chance else str(told['property']),
            'its distance': told['distance'],
        }


def noticed_from(table, sky, seed, draws=5):
    """The least number of stamps of each with which most of a few draws say that they differ."""
    random = np.random.default_rng(seed)
    for n in SAMPLES:
        if n > min(len(table), len(sky)):
            break
        found = 0
        for _ in range(draws):
            parts = [t[random.permutation(len(t))[:n]] for t in (table, sky)]
            apart = compare_populations(*parts, n_resamples=199, progress=False)
            found += apart['p_value'][apart['statistic'] == 'wasserstein'][0] < NOTICED
        if found > draws / 2:
            return str(n)
    return 'never'


def ranking(sky, mocks):
    found = rank_simulations(sky, mocks, n_resamples=300, progress=False)
    for row in found:
        yield {
            'rank': row['rank'],
            'simulation': str(row['simulation']),
            'distance': estimate(row['distance'], row['distance_err']),
            'by chance': row['null_p95'],
            'nearest in': 100 * row['nearest_fraction'],
        }


def realities(real_scores, scores, measured):
    for name, table in real_scores.items():
        apart = compare_populations(table, scores['sky'], n_resamples=200, progress=False)
        apart = apart[apart['statistic'] == 'ks'][0]
        told = compare_properties(measured[name], measured['sky'], n_resamples=400)
        fractions = {
            f'above {level} %': 100 * np.mean(table[f'anomalous_{level}']) for level in (85, 90, 95)
        }
        yield {
            'image': f'``{name}``',
            'sources': len(table),
            **fractions,
            'distance': estimate(apart['distance'], apart['distance_err']),
            'in what': ', '.join(f'{row["property"]} ({row["distance"]:.2f})' for row in told[:3]),
        }


def draw(detector, real, real_scores, scores, path, examples=4):
    """Scores of all populations, and the least and the most anomalous sources of each image."""
    import matplotlib.pyplot as plt

    thresholds = {90: detector.calibration_.thresholds()[90]}
    figure = plt.figure(figsize=(12, 8.5), layout='constrained')
    above, below = figure.subfigures(2, 1, height_ratios=[1, 2.2])
    axes = above.subplots(1, 2, sharex=True)
    bins = np.linspace(-4, 14, 60)
    for axis, tables in zip(
        axes, (scores, {'simulated': scores['sky'], **real_scores}), strict=True
    ):
        clipped = {name: np.clip(table['score'], *bins[[0, -1]]) for name, table in tables.items()}
        plot_scores(clipped, thresholds=thresholds, bins=bins, ax=axis)
        axis.legend(fontsize=7)
    panels = below.subplots(2 * len(real), 2 * examples)
    for axis in panels.flat:
        axis.set_axis_off()
    for k, (name, stamps) in enumerate(real.items()):
        order = np.argsort(real_scores[name]['score'])
        few = len(order) <= 2 * examples
        chosen = order if few else np.r_[order[:examples], order[-examples:]]
        closest = detector.closest_images(real_scores[name][chosen])
        for j, i in enumerate(chosen):
            for axis, image in zip(
                panels[2 * k : 2 * k + 2, j], (stamps.pixels[i], closest.pixels[j]), strict=True
            ):
                axis.imshow(np.arcsinh(image / 2), origin='lower', cmap='gray', vmin=-1, vmax=5)
            panels[2 * k, j].set_title(f'{real_scores[name]["score"][i]:.1f}', fontsize=7)
        label = f'{name},\nand closest image'
        panels[2 * k, 0].text(-0.1, 0, label, ha='right', transform=panels[2 * k, 0].transAxes)
    figure.savefig(path, dpi=90)
    plt.close(figure)


if __name__ == '__main__':
    main()
