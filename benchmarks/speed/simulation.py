"""
How fast galaxies are simulated, beside GalSim's plain drawing of one galaxy after the other.

Printed are stamps per second

* of each class, and of a mix of all as in benchmark-1, with one process, in memory;
* of the mix written into a store, with one process and with two (or more); the bytes are the same;
* of the loop that a user of GalSim would write: a Sersic bulge and an exponential disc, sheared,
  convolved with the same PSF by ``drawImage``, and correlated noise of the same kind. It draws no
  arms, clumps, neighbours, debris or second galaxies.

Each figure is the best of some runs. Beside the wall clock there is the time of the processors, of
all processes together, which hardly depends on who else uses the machine.

    pip install "astro_wgan[sim]"
    python -m benchmarks.speed.simulation                 # two minutes
    python -m benchmarks.speed.simulation --mix 20000 --processes 4
"""

import argparse
import os
import tempfile
import time
from pathlib import Path

import galsim
import numpy as np
from astropy.table import Table

from astro_wgan.datasets import KINDS, find_recipe, simulate, simulate_store
from astro_wgan.datasets.galaxies import draw_galaxy
from astro_wgan.datasets.optics import galsim_psf
from benchmarks.machine import describe_machine

#: Stamps of a class to those of all in benchmark-1: 110,000 normals and 5,000 of each anomaly.
MIX = {kind: (110 if kind == 'normal' else 5) / 135 for kind in KINDS}


def main():
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument('--recipe', default='benchmark-1')
    parser.add_argument('--n', type=int, default=200, help='stamps of each class')
    parser.add_argument('--mix', type=int, default=6000, help='stamps of the mix')
    parser.add_argument('--processes', type=int, default=2)
    parser.add_argument('--repeats', type=int, default=2)
    options = parser.parse_args()
    print(describe_machine('galsim'), flush=True)
    recipe = find_recipe(options.recipe)
    speeds = class_speeds(recipe, options)
    speeds['the mix, in memory'] = 1 / sum(share / speeds[kind] for kind, share in MIX.items())
    for processes in sorted({1, options.processes}):
        name = f'the mix, into a store, processes: {processes}'
        speeds[name] = store_speed(recipe, processes, options)
    peer = best(lambda: draw_with_galsim(recipe, options.n), options.n, options.repeats)
    speeds['bulge and disc, GalSim one by one'] = peer
    rows = [(name, *speed, *(speed / peer)) for name, speed in speeds.items()]
    names = ['what', 'per second', 'per processor second', 'times GalSim', 'by processor']
    table = Table(rows=rows, names=names)
    for column, form in zip(names[1:], ('.0f', '.0f', '.1f', '.1f'), strict=True):
        table[column].format = form
    table.pprint_all(align=['<', '>', '>', '>', '>'])


def class_speeds(recipe, options):
    """Stamps per second of each class, in memory."""
    simulate('normal', 1, recipe=recipe)
    return {
        kind: best(
            lambda kind=kind: simulate(kind, options.n, recipe=recipe), options.n, options.repeats
        )
        for kind in KINDS
    }


def store_speed(recipe, processes, options):
    """Stamps per second of the mix, with all that it takes to start and to write."""
    counts = {kind: round(options.mix * share) for kind, share in MIX.items()}

    def write():
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / 'mix.zarr'
            simulate_store(path, counts, recipe=recipe, processes=processes, progress=False)

    return best(write, sum(counts.values()), options.repeats)


def best(work, n, repeats):
    """Items per second, of the clock and of the processors, of the fastest runs."""
    seconds = []
    for _ in range(repeats):
        start = np.array([time.perf_counter(), sum(os.times()[:4])])
        work()
        seconds.append(np.array([time.perf_counter(), sum(os.times()[:4])]) - start)
    return n / np.min(seconds, axis=0)


def draw_with_galsim(recipe, n):
    """Bulges and discs of the same population, each drawn by GalSim, with correlated noise."""
    rng = np.random.default_rng(0)
    psf = galsim_psf(recipe.optics)
    noise_rng = galsim.BaseDeviate(1)
    noise = correlated_noise(recipe, noise_rng)
    images = np.empty((n, recipe.size, recipe.size), dtype=np.float32)
    for image in images:
        galaxy = draw_galaxy(rng, recipe)
        bulge = galsim.Sersic(n=round(galaxy.bulge_index, 1), half_light_radius=0.4 * galaxy.radius)
        disc = galsim.Exponential(half_light_radius=galaxy.radius)
        profile = galaxy.bulge * bulge + (1 - galaxy.bulge) * disc
        profile = profile.shear(q=galaxy.axis_ratio, beta=galaxy.angle * galsim.radians)
        profile = galsim.Convolve(profile.shift(*rng.uniform(-0.03, 0.03, 2)), psf)
        drawn = (galaxy.flux * profile).drawImage(
            nx=recipe.size, ny=recipe.size, scale=recipe.pixel_scale
        )
        drawn.addNoise(noise)
        image[...] = drawn.array
    return images


def correlated_noise(recipe, rng):
    """Noise with the correlation that the recipe's has, from an image of it."""
    white = galsim.Image(np.random.default_rng(1).normal(size=(256, 256)))
    taps = np.array(recipe.noise.taps)
    for axis in (0, 1):
        white.array[...] = np.apply_along_axis(np.convolve, axis, white.array, taps, 'same')
    white.array[...] *= recipe.noise.rms / white.array.std()
    white.scale = recipe.pixel_scale
    return galsim.CorrelatedNoise(white, rng=rng)


if __name__ == '__main__':
    main()
