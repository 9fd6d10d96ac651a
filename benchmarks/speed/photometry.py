"""
How many stamps a second are measured: astro_wgan, the real SExtractor, photutils.

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

import subprocess
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
from photutils.background import Background2D, SExtractorBackground
from photutils.segmentation import SourceCatalog, SourceFinder
from scipy.ndimage import convolve

from astro_wgan.detection import DetectionConfig
from astro_wgan.sources import measure_sources
from astro_wgan.stamps import StampSet
from benchmarks.harness import BenchmarkParser, Report, time_in_turns, time_once
from benchmarks.judges import load_judge
from benchmarks.results import Column

PYRAMID = np.array([[1, 2, 1], [2, 4, 2], [1, 2, 1]]) / 16


PROGRAMS = (
    Column('program', 'that measures'),
    Column('stamps per second', 'on one core', '1 / s', ',.0f'),
    Column('times', 'how many times as fast astro_wgan is', '', '.2f'),
)
PROCESSES = (
    Column('processes', 'at the same time'),
    Column('time', 'of all', 's', '.2f'),
    Column('gain', 'over one process', '', '.2f'),
)


def main():
    smoke = {'stamps': 16, 'loop': 2, 'many': 32, 'repeats': 1}
    parser = BenchmarkParser(__doc__, smoke=smoke)
    parser.add_argument('--stamps', type=int, default=2025, help='a square fills the mosaic')
    parser.add_argument('--loop', type=int, default=40, help='stamps that photutils measures')
    parser.add_argument('--many', type=int, default=100_000, help='stamps for two processes')
    parser.add_argument('--repeats', type=int, default=5)
    options = parser.parse_args()
    report = Report(options, 'photutils')
    judge = load_judge('judges/sextractor.py')
    report.note(version_of_sextractor(judge))
    pixels = judge.simulate_pairs(options.stamps, seed=options.seed).pixels
    compare_programs(judge, pixels, options, report)
    compare_processes(pixels, options, report)
    report.write()


def version_of_sextractor(judge):
    if judge.SEXTRACTOR is None:
        return 'Without SExtractor, which is not installed (package source-extractor).'
    run = subprocess.run([judge.SEXTRACTOR, '--version'], capture_output=True, text=True)
    return f'{run.stdout.strip()}.'


def compare_programs(judge, pixels, options, report):
    stamps, few = StampSet(pixels), pixels[: options.loop]
    contenders = {
        'astro_wgan': (len(stamps), lambda: measure(stamps)),
        'photutils': (len(few), lambda: loop_of_photutils(few)),
    }
    with TemporaryDirectory() as folder:
        start = 0.0
        if judge.SEXTRACTOR is not None:
            run, start, n = prepare_sextractor(judge, Path(folder), pixels)
            contenders['SExtractor'] = (n, run)
        functions = {name: function for name, (_, function) in contenders.items()}
        timings = time_in_turns(functions, turns=options.repeats)
    seconds = {
        name: (timings[name].shortest - (start if name == 'SExtractor' else 0.0)) / n
        for name, (n, _) in contenders.items()
    }
    rows = [
        {
            'program': name,
            'stamps per second': 1 / spent,
            'times': spent / seconds['astro_wgan'],
        }
        for name, spent in seconds.items()
    ]
    caption = 'Stamps of 64 x 64 pixels that are measured; the start of SExtractor is not counted.'
    report.table('programs', caption, PROGRAMS, rows)


def prepare_sextractor(judge, folder, pixels):
    """A function that measures, seconds of its start, and how many stamps it measures else."""
    command = judge.sextractor_command(folder, DetectionConfig())
    image = judge.mosaic(pixels)
    judge.write_images(folder / 'all.fits', image)
    judge.write_images(folder / 'few.fits', judge.mosaic(pixels[:4]))

    def run(name='all.fits'):
        subprocess.run([*command, name], cwd=folder, check=True, capture_output=True)

    start = min(time_once(run, 'few.fits')[1].shortest for _ in range(3))
    return run, start, image.size // pixels[0].size - 4


def loop_of_photutils(pixels):
    detection = DetectionConfig()
    finder = SourceFinder(
        detection.min_area,
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
        catalog = SourceCatalog(
            above,
            segmentation,
            convolved_data=smooth,
            error=sky.background_rms,
            kron_params=(2.5, 1.4, 0.0),
        )
        catalog.flux_radius(0.5, name='half_light_radius')
        tables.append(catalog.to_table(columns=[*catalog.default_columns, 'half_light_radius']))
    return tables


def compare_processes(pixels, options, report):
    copies = -(-options.many // len(pixels))
    stamps = StampSet(np.concatenate([pixels] * copies)[: options.many])
    timings = time_in_turns(
        {n: lambda n=n: measure(stamps, processes=n) for n in (1, 2)},
        turns=max(2, options.repeats // 2),
    )
    rows = [
        {
            'processes': n,
            'time': timing.shortest,
            'gain': timings[1].shortest / timing.shortest,
        }
        for n, timing in timings.items()
    ]
    caption = f'{len(stamps):,} stamps by one process and by two, their start included.'
    report.table('processes', caption, PROCESSES, rows)


def measure(stamps, **options):
    return measure_sources(stamps, progress=False, **options)


if __name__ == '__main__':
    main()
