"""
How fast galaxies are simulated, beside GalSim's plain drawing of one galaxy after the other.

Printed are stamps per second

* of each class, and of a mix of all as in benchmark-1, with one process, in memory;
* of the mix written into a store, with one process and with two (or more); the bytes are the same;
* of the loop that a user of GalSim would write: a Sersic bulge and an exponential disk, sheared,
  convolved with the same PSF by ``drawImage``, and correlated noise of the same kind. It draws no
  arms, clumps, neighbors, debris or second galaxies.

Each figure is the best of some runs. Beside the wall clock there is the time of the processors, of
all processes together, which hardly depends on who else uses the machine.

    pip install "astro_wgan[sim]"
    python -m benchmarks.speed.simulation                 # two minutes
    python -m benchmarks.speed.simulation --mix 20000 --processes 4
"""

import tempfile
from pathlib import Path

import galsim
import numpy as np

from astro_wgan.simulate import CLASSES, get_simulation_config, simulate
from astro_wgan.simulate.galaxies import draw_galaxy
from astro_wgan.simulate.telescope import galsim_psf
from benchmarks.harness import BenchmarkParser, Report, time_in_turns
from benchmarks.results import Column

#: Stamps of a class to those of all in benchmark-1: 110,000 normals and 5,000 of each anomaly.
MIX = {kind: (110 if kind == 'normal' else 5) / 135 for kind in CLASSES}


COLUMNS = (
    Column('what', 'class, or mix of classes as in benchmark-1'),
    Column('per second', 'by the clock', '1 / s', '.0f'),
    Column('per processor second', 'of all processes together', '1 / s', '.0f'),
    Column('times GalSim', 'by the clock', '', '.1f'),
    Column('times GalSim by processor', 'by the time of the processors', '', '.1f'),
)


def main():
    parser = BenchmarkParser(__doc__, smoke={'n': 3, 'mix': 27, 'repeats': 1}, seed=None)
    parser.add_argument('--config', default='benchmark-1')
    parser.add_argument('--n', type=int, default=200, help='stamps of each class')
    parser.add_argument('--mix', type=int, default=6000, help='stamps of the mix')
    parser.add_argument('--processes', type=int, default=2)
    parser.add_argument('--repeats', type=int, default=2)
    options = parser.parse_args()
    report = Report(options, 'galsim')
    speeds = measure_speeds(get_simulation_config(options.config), options)
    peer = speeds['bulge and disk, GalSim one by one']
    names = [column.name for column in COLUMNS]
    rows = [
        dict(zip(names, (what, *speed, *(speed / peer)), strict=True))
        for what, speed in speeds.items()
    ]
    report.table('speed', 'Stamps that are simulated; the fastest runs.', COLUMNS, rows)
    report.write()


def measure_speeds(config, options):
    """Stamps per second, of the clock and of the processors, by what is simulated."""
    simulate('normal', 1, config=config, progress=False)
    counts = {kind: round(options.mix * fraction) for kind, fraction in MIX.items()}
    work = {
        kind: (
            options.n,
            lambda kind=kind: simulate(kind, options.n, config=config, progress=False),
        )
        for kind in CLASSES
    }
    for processes in sorted({1, options.processes}):
        work[f'the mix, into a store, processes: {processes}'] = (
            sum(counts.values()),
            lambda processes=processes: write_store(config, counts, processes),
        )
    work['bulge and disk, GalSim one by one'] = (
        options.n,
        lambda: draw_with_galsim(config, options.n),
    )
    functions = {what: function for what, (_, function) in work.items()}
    timings = time_in_turns(functions, turns=options.repeats)
    speeds = {
        what: n / np.array([timings[what].shortest, timings[what].processor_shortest])
        for what, (n, _) in work.items()
    }
    mix = 1 / sum(fraction / speeds[kind] for kind, fraction in MIX.items())
    classes = {kind: speeds.pop(kind) for kind in CLASSES}
    return classes | {'the mix, in memory': mix} | speeds


def write_store(config, counts, processes):
    """The mix, with all that it takes to start and to write."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / 'mix.zarr'
        simulate(counts, config=config, output=path, processes=processes, progress=False)


def draw_with_galsim(config, n):
    """Bulges and disks of the same population, each drawn by GalSim, with correlated noise."""
    rng = np.random.default_rng(0)
    psf = galsim_psf(config.optics)
    noise_rng = galsim.BaseDeviate(1)
    noise = correlated_noise(config, noise_rng)
    images = np.empty((n, config.size, config.size), dtype=np.float32)
    for image in images:
        galaxy = draw_galaxy(rng, config)
        bulge = galsim.Sersic(
            n=round(galaxy.bulge_index, 1), half_light_radius=0.4 * galaxy.half_light_radius
        )
        disk = galsim.Exponential(half_light_radius=galaxy.half_light_radius)
        profile = galaxy.bulge_fraction * bulge + (1 - galaxy.bulge_fraction) * disk
        profile = profile.shear(q=galaxy.axis_ratio, beta=galaxy.angle * galsim.radians)
        profile = galsim.Convolve(profile.shift(*rng.uniform(-0.03, 0.03, 2)), psf)
        drawn = (galaxy.flux * profile).drawImage(
            nx=config.size, ny=config.size, scale=config.pixel_scale
        )
        drawn.addNoise(noise)
        image[...] = drawn.array
    return images


def correlated_noise(config, rng):
    """Noise with the correlation of the configuration, from an image of it."""
    white = galsim.Image(np.random.default_rng(1).normal(size=(256, 256)))
    taps = np.array(config.noise.kernel)
    for axis in (0, 1):
        white.array[...] = np.apply_along_axis(np.convolve, axis, white.array, taps, 'same')
    white.array[...] *= config.noise.rms / white.array.std()
    white.scale = config.pixel_scale
    return galsim.CorrelatedNoise(white, rng=rng)


if __name__ == '__main__':
    main()
