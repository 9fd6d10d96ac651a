"""
How many stamps a second are measured: astro_wgan, the real SExtractor, photutils, in one run.

Simulated pairs of galaxies in stamps of 64 x 64 pixels. All detect, deblend and measure position,
Kron and isophotal flux with errors, half-light radius, axes, angle and flags, at the same settings.
SExtractor gets the same pixels as one mosaic, and the time it takes for a mosaic of four stamps
counts as its start and is taken off. photutils is a loop over the stamps (background, SourceFinder,
SourceCatalog), on fewer of them. Contenders run in turn, several times; the shortest times count.
Then astro_wgan alone, with one process and with two, whose start is part of the time.

SExtractor is Debian's package source-extractor; without it, the rest is run.

    python -m benchmarks.speed.photometry                       # six minutes, 3 GB of memory
    python -m benchmarks.speed.photometry --stamps 1000 --repeats 3 --many 20000
"""

import argparse
import subprocess
import time
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
from photutils.background import Background2D, SExtractorBackground
from photutils.segmentation import SourceCatalog, SourceFinder
from scipy.ndimage import convolve

from astro_wgan.detection import Detection
from astro_wgan.sources import measure_sources
from astro_wgan.stamps import StampSet
from benchmarks.judges import load_judge
from benchmarks.machine import describe_machine

PYRAMID = np.array([[1, 2, 1], [2, 4, 2], [1, 2, 1]]) / 16


def main():
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument('--stamps', type=int, default=2025, help='a square fills the mosaic')
    parser.add_argument('--loop', type=int, default=40, help='stamps that photutils measures')
    parser.add_argument('--many', type=int, default=100_000, help='stamps for two processes')
    parser.add_argument('--repeats', type=int, default=5)
    parser.add_argument('--seed', type=int, default=1)
    options = parser.parse_args()
    judge = load_judge('sources/judge.py')
    print_machine(judge)
    pixels = judge.simulate_pairs(options.stamps, seed=options.seed).pixels
    compare_programs(judge, pixels, options)
    compare_processes(pixels, options)


def compare_programs(judge, pixels, options):
    stamps = StampSet(pixels)
    image = judge.mosaic(pixels)
    times = {'astro_wgan': [], 'SExtractor': [], 'photutils': []}
    with TemporaryDirectory() as folder:
        for _ in range(options.repeats):
            times['astro_wgan'].append(time_of(measure, stamps) / len(stamps))
            if judge.SEXTRACTOR is not None:
                times['SExtractor'].append(time_of_sextractor(judge, Path(folder), image, pixels))
            few = pixels[: options.loop]
            times['photutils'].append(time_of(loop_of_photutils, few) / len(few))
    best = {name: min(values) for name, values in times.items() if values}
    print(f'{"on one core":16}{"stamps / s":>12}{"astro_wgan is":>16}')
    for name, seconds in best.items():
        print(f'{name:16}{1 / seconds:12.0f}{seconds / best["astro_wgan"]:14.2f} x')


def time_of_sextractor(judge, folder, image, pixels):
    """Seconds per stamp, without those of its start."""
    command = judge.sextractor_command(folder, Detection())
    judge.write_images(folder / 'all.fits', image)
    judge.write_images(folder / 'few.fits', judge.mosaic(pixels[:4]))

    def run(name):
        subprocess.run([*command, name], cwd=folder, check=True, capture_output=True)

    start = min(time_of(run, 'few.fits') for _ in range(3))
    number = image.size // pixels[0].size
    return (time_of(run, 'all.fits') - start) / (number - 4)


def loop_of_photutils(pixels):
    detection = Detection()
    finder = SourceFinder(
        detection.minimum_area,
        n_levels=detection.deblend_levels,
        contrast=detection.deblend_contrast,
        progress_bar=False,
    )
    tables = []
    for image in pixels:
        sky = Background2D(image, image.shape, bkg_estimator=SExtractorBackground())
        above = image - sky.background
        smooth = convolve(above, PYRAMID, mode='constant')
        segmentation = finder(smooth, detection.threshold * sky.background_rms)
        catalogue = SourceCatalog(
            above,
            segmentation,
            convolved_data=smooth,
            error=sky.background_rms,
            kron_params=(2.5, 1.4, 0.0),
        )
        catalogue.flux_radius(0.5, name='half_light_radius')
        tables.append(catalogue.to_table(columns=[*catalogue.default_columns, 'half_light_radius']))
    return tables


def compare_processes(pixels, options):
    copies = -(-options.many // len(pixels))
    stamps = StampSet(np.concatenate([pixels] * copies)[: options.many])
    times = {1: [], 2: []}
    for _ in range(max(2, options.repeats // 2)):
        for processes, seconds in times.items():
            seconds.append(time_of(measure, stamps, processes=processes))
    print(f'{"processes":16}{"seconds":>12}{"gain":>16}   for {len(stamps)} stamps')
    for processes, seconds in times.items():
        print(f'{processes:<16}{min(seconds):12.2f}{min(times[1]) / min(seconds):14.2f} x')


def measure(stamps, **options):
    return measure_sources(stamps, progress=False, **options)


def time_of(function, *arguments, **options):
    begin = time.perf_counter()
    function(*arguments, **options)
    return time.perf_counter() - begin


def print_machine(judge):
    print(describe_machine('photutils'))
    if judge.SEXTRACTOR is None:
        print('without SExtractor: install the package source-extractor')
    else:
        run = subprocess.run([judge.SEXTRACTOR, '--version'], capture_output=True, text=True)
        print(run.stdout.strip())


if __name__ == '__main__':
    main()
