"""
At which depth a simulated merger is still anomalous, and where it is lost in the noise.

The two bundled snapshots are put at redshifts of 0.5, 1 and 2, observed with WFC3 in F160W, and
given the noise of the configuration that the shipped model was trained on. Then they are made
brighter or fainter by up to four magnitudes, with the noise as it is: a galaxy that is a magnitude
fainter has the signal-to-noise ratio that it would have in an image a magnitude shallower. For each
there are several noise realizations and the eight orientations of the square; printed are the
median p-value against the model's held-out normals, and the fraction above the threshold of 90
percent.

    python -m benchmarks.experiments.merger_depth         # two minutes
"""

from pathlib import Path

import numpy as np
from astropy import units as u

from astro_wgan import StampSet, datasets
from astro_wgan.datasets import load_light_map
from astro_wgan.mocks import get_instrument, mock_stamps
from astro_wgan.simulate import get_simulation_config
from astro_wgan.simulate.telescope import add_noise
from astro_wgan.visualize import plot_triptychs
from benchmarks.harness import BenchmarkParser, Report
from benchmarks.results import Column

SNAPSHOTS = ('encounter_passage', 'encounter_remnant')
REDSHIFTS = (0.5, 1.0, 2.0)
#: Magnitudes by which the image is deeper than the survey; below 0: shallower.
DEPTHS = (2, 1, 0, -1, -2, -3, -4)
#: Orientations of the square.
SYMMETRIES = 8

COLUMNS = (
    Column('snapshot', 'of the simulated merger'),
    Column('redshift', 'at which it is put', '', '.1f'),
    Column('magnitude', 'AB in F160W', 'mag', '.1f'),
    *(
        column
        for depth in DEPTHS
        for column in (
            Column(f'p at {depth:+d} mag', 'median p-value', '', '.3f'),
            Column(f'found at {depth:+d} mag', 'percent above the threshold', '', '.0f'),
        )
    ),
)


def main():
    options = read_options()
    report = Report(options)
    detector = datasets.load_model(options.model)
    config = get_simulation_config('benchmark-1')
    galaxies = {
        (name, z): noise_free(name, z, config) for name in SNAPSHOTS for z in options.redshifts
    }
    rng = np.random.default_rng(options.seed)
    rows, shown = [], {}
    for (name, z), galaxy in galaxies.items():
        magnitude = -2.5 * np.log10(galaxy.sum() * 1e-9 / 3631)
        row = {
            'snapshot': name.removeprefix('encounter_'),
            'redshift': z,
            'magnitude': magnitude,
        }
        for depth in DEPTHS:
            stamps = noisy(galaxy * 10 ** (0.4 * depth), options.noises, config, rng)
            table = detector.score(stamps, progress=False)
            row[f'p at {depth:+d} mag'] = np.median(table['p_value'])
            row[f'found at {depth:+d} mag'] = 100 * np.mean(table['anomalous_90'])
            if depth == 0:
                shown[name, z] = stamps.pixels[0], detector.closest_images(table[:1]), table[0]
        rows.append(row)
    caption = (
        'Median p-value, and percent found at the threshold of 90 percent, by how much deeper '
        'than the survey the image is.'
    )
    report.table('p_values', caption, COLUMNS, rows)
    report.write()
    if options.figure is not None:
        draw(shown, options.figure)


def read_options():
    parser = BenchmarkParser(__doc__, smoke={'noises': 1, 'redshifts': [1.0]})
    parser.add_argument('--model', default='simulated_f160w', help='one that is shipped')
    parser.add_argument('--redshifts', type=float, nargs='+', default=[*REDSHIFTS])
    parser.add_argument('--noises', type=int, default=3, help='for each orientation')
    parser.add_argument('--figure', type=Path, help='draw what is seen into this file')
    return parser.parse_args()


def noise_free(name, redshift, config):
    """The galaxy in F160W, in nJy, as an image of the configuration's size."""
    instrument = get_instrument('hst_wfc3_f160w')
    drawn = mock_stamps(
        load_light_map(name), instrument, redshift=redshift, size=config.size, progress=False
    )
    # One electron per second has the zero point's magnitude.
    nanojansky = (instrument.zero_point * u.ABmag).to_value(u.nJy)
    return drawn.pixels[0] * nanojansky


def noisy(galaxy, noises, config, rng):
    images = []
    for turn in range(SYMMETRIES):
        turned = np.rot90(galaxy if turn < 4 else galaxy[:, ::-1], turn)
        for _ in range(noises):
            image = np.array(turned, dtype=float)
            images.append(add_noise(image, rng, config.noise))
    scale = config.pixel_scale * u.arcsec
    return StampSet(np.array(images), unit='nJy', pixel_scale=scale)


def draw(shown, path):
    """Input, closest image and residual of each snapshot and redshift, at the survey's depth."""
    import matplotlib.pyplot as plt

    figure, axes = plt.subplots(3, len(shown), figsize=(2 * len(shown), 6.6), layout='constrained')
    stamps, closest, rows = zip(*shown.values(), strict=True)
    plot_triptychs(np.array(stamps), np.array([c.pixels[0] for c in closest]), axes=axes.T)
    for ax, (name, z), row in zip(axes[0], shown, rows, strict=True):
        ax.set_title(
            f'{name.removeprefix("encounter_")}, z = {z}\np = {row["p_value"]:.3f}', fontsize=9
        )
    figure.savefig(path, dpi=100)
    plt.close(figure)


if __name__ == '__main__':
    main()
