"""
At which depth a simulated merger is still strange, and from where it drowns.

The two bundled snapshots are put at redshifts of 0.5, 1 and 2, seen by WFC3 in F160W (mocks room),
and given the noise of the recipe that the shipped model was trained on. Then they are made brighter
or fainter by up to four magnitudes, with the noise as it is: a galaxy that is a magnitude fainter
has the signal-to-noise ratio that it would have in an image a magnitude shallower. For each there
are several noise realisations and the eight orientations of the square; printed are the median
p-value against the model's held-out normals, and the share above the threshold of 90 per cent.

    python -m benchmarks.experiments.merger_depth         # two minutes
"""

import argparse
from pathlib import Path

import numpy as np
from astropy import units as u
from astropy.table import Table

from astro_wgan import StampSet, datasets
from astro_wgan.datasets import load_light_map
from astro_wgan.mocks import get_instrument, mock_stamps
from astro_wgan.simulate import get_simulation_config
from astro_wgan.simulate.telescope import add_noise
from astro_wgan.visualize import plot_triptychs
from benchmarks.detectors.evaluation import page
from benchmarks.machine import describe_machine

SNAPSHOTS = ('encounter_passage', 'encounter_remnant')
REDSHIFTS = (0.5, 1.0, 2.0)
#: Magnitudes by which the image is deeper than the survey; below 0: shallower.
DEPTHS = (2, 1, 0, -1, -2, -3, -4)
#: Orientations of the square.
SYMMETRIES = 8


def main():
    options = read_options()
    detector = datasets.load_model(options.model)
    recipe = get_simulation_config('benchmark-1')
    galaxies = {(name, z): noise_free(name, z, recipe) for name in SNAPSHOTS for z in REDSHIFTS}
    rng = np.random.default_rng(options.seed)
    rows, shown = [], {}
    for (name, z), galaxy in galaxies.items():
        magnitude = -2.5 * np.log10(galaxy.sum() * 1e-9 / 3631)
        row = {
            'snapshot': name.removeprefix('encounter_'),
            'redshift': str(z),
            'magnitude': f'{magnitude:.1f}',
        }
        for depth in DEPTHS:
            stamps = noisy(galaxy * 10 ** (0.4 * depth), options.noises, recipe, rng)
            table = detector.score(stamps, progress=False)
            share = 100 * np.mean(table['anomalous_90'])
            row[f'{depth:+d} mag'] = f'{np.median(table["p_value"]):.3f} ({share:.0f})'
            if depth == 0:
                shown[name, z] = stamps.pixels[0], detector.closest(table[:1]), table[0]
        rows.append(row)
    caption = (
        'Median p-value, and in brackets the per cent found at 90 per cent, by how much deeper '
        'than the survey the image is.'
    )
    head = f'``python -m benchmarks.experiments.merger_depth``; {describe_machine()}.'
    text = f'{head}\n\n{page(Table(rows=rows), caption)}'
    print(text)
    if options.out is not None:
        options.out.with_suffix('.inc').write_text(text, encoding='utf-8')
        draw(shown, options.out.parent / 'images' / f'{options.out.name}.png')


def read_options():
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument('--model', default='simulated_f160w', help='one that is shipped')
    parser.add_argument('--noises', type=int, default=3, help='for each orientation')
    parser.add_argument('--seed', type=int, default=1)
    parser.add_argument('--out', type=Path, help='path of the table, no suffix; figures in images/')
    return parser.parse_args()


def noise_free(name, redshift, recipe):
    """The galaxy in F160W, in nJy, as an image of the recipe's size."""
    instrument = get_instrument('hst_wfc3_f160w')
    drawn = mock_stamps(
        load_light_map(name), instrument, redshift=redshift, size=recipe.size, progress=False
    )
    # One electron per second has the zero point's magnitude.
    nanojansky = (instrument.zero_point * u.ABmag).to_value(u.nJy)
    return drawn.pixels[0] * nanojansky


def noisy(galaxy, noises, recipe, rng):
    images = []
    for turn in range(SYMMETRIES):
        turned = np.rot90(galaxy if turn < 4 else galaxy[:, ::-1], turn)
        for _ in range(noises):
            image = np.array(turned, dtype=float)
            images.append(add_noise(image, rng, recipe.noise))
    scale = recipe.pixel_scale * u.arcsec
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
