"""
How far measured flux ratios of pairs are from the truth, for several settings of the detection.

Simulated pairs of galaxies (Gaussian and exponential profiles, a PSF of 3 pixels FWHM, flux ratios
from 0.8 to 10, separations from 3 to 26 pixels) are measured by astro_wgan stamp by stamp, and by
the real SExtractor in one mosaic. For each setting the table says in how many pairs both galaxies
are found; how many stamps have sources that are not there; by what factor the flux ratio is off,
and its scatter; and how many sources of a real image, the eXtreme Deep Field, are taken for parts
of another one. The figure shows the same by separation and by true ratio, with SExtractor beside.

It needs SExtractor (Debian's package source-extractor) and matplotlib.

    python -m benchmarks.quality.flux_ratio_bias --figure photometry_flux_ratio.png
"""

from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
from scipy.spatial import cKDTree

from astro_wgan import datasets
from astro_wgan.detection import DetectionConfig
from astro_wgan.sources import SourceFlag, measure_sources
from astro_wgan.stamps import StampSet
from benchmarks.harness import BenchmarkParser, Report, skip
from benchmarks.judges import load_judge
from benchmarks.results import Column

SIZE = 64

THRESHOLDS = (1.0, 1.5, 3.0)
CONTRASTS = (0.0005, 0.005, 0.02, 0.05)


COLUMNS = (
    Column('threshold', 'of the detection', 'sigma', '.1f'),
    Column('contrast', 'of the deblending', '', '.4f'),
    Column('program', 'that measures'),
    Column('both found', 'percent of the pairs', '', '.1f'),
    Column('extra', 'percent of the stamps with sources that are not there', '', '.1f'),
    Column('ratio', 'measured flux ratio over the true one, median', '', '.3f'),
    Column('scatter', 'of its logarithm', '', '.3f'),
    Column('parts', 'sources of the eXtreme Deep Field that are parts of others'),
)


def main():
    parser = BenchmarkParser(__doc__, smoke={'edge': 6, 'contrasts': [0.005]})
    parser.add_argument('--edge', type=int, default=63, help='pairs along an edge of the mosaic')
    parser.add_argument('--contrasts', type=float, nargs='+', default=[*CONTRASTS])
    parser.add_argument('--figure', type=Path, help='where to put the figure')
    options = parser.parse_args()
    judge = load_judge('judges/sextractor.py')
    if judge.SEXTRACTOR is None:
        skip('SExtractor (package source-extractor) is not installed')
    report = Report(options)
    pairs = judge.simulate_pairs(
        options.edge**2, seed=options.seed, size=SIZE, flux_ratio=(0.8, 10), separation=(3, 26)
    )
    rows, results = [], {}
    for threshold in THRESHOLDS:
        for contrast in options.contrasts:
            detection = replace(DetectionConfig(), threshold=threshold, deblend_contrast=contrast)
            ours, extra = our_ratios(pairs, detection)
            theirs = sextractor_ratios(judge, pairs, options.edge, detection)
            results[threshold, contrast] = ours, theirs
            head = {'threshold': threshold, 'contrast': contrast}
            own = {'extra': 100 * extra, 'parts': parts_of_sources(detection)}
            rows.append({**head, 'program': 'astro_wgan', **own, **bias(ours, pairs)})
            rows.append({**head, 'program': 'SExtractor', **bias(theirs, pairs)})
    report.table('bias', f'{len(pairs.pixels):,} simulated pairs.', COLUMNS, rows)
    report.write()
    if options.figure:
        draw(pairs, results, options.figure)


def bias(ratio, pairs):
    """How far flux ratios are off, where both galaxies are found."""
    off = np.log(ratio / pairs.flux_ratio)
    found = np.isfinite(off)
    off = off[found]
    return {
        'both found': 100 * found.mean(),
        'ratio': np.exp(np.median(off)),
        'scatter': 1.4826 * np.median(np.abs(off - np.median(off))),
    }


def our_ratios(pairs, detection):
    """Flux ratios of `measure_sources`, and the fraction of stamps with extra sources."""
    found = measure_sources(StampSet(pairs.pixels), detection=detection, progress=False).stamps
    right = near_truth(found['x'].value, found['y'].value, pairs.x[:, 0], pairs.y[:, 0])
    right &= near_truth(
        found['neighbor_x'].value, found['neighbor_y'].value, pairs.x[:, 1], pairs.y[:, 1]
    )
    return np.where(right, found['flux_ratio'], np.nan), np.mean(found['n_neighbors'] > 1)


def near_truth(x, y, true_x, true_y):
    return np.hypot(x - true_x, y - true_y) < 2.5


def sextractor_ratios(judge, pairs, edge, detection):
    """Flux ratios of the sources nearest to the truth in SExtractor's catalog of a mosaic."""
    with TemporaryDirectory() as folder:
        catalog = judge.run_sextractor(Path(folder), judge.mosaic(pairs.pixels), detection)
    number = np.arange(len(pairs.pixels))[:, np.newaxis]
    place = np.stack([pairs.x + SIZE * (number % edge), pairs.y + SIZE * (number // edge)], axis=-1)
    tree = cKDTree(np.stack([catalog['x'], catalog['y']], axis=1))
    distance, row = tree.query(place)
    right = (distance < 2.5).all(axis=1) & (row[:, 0] != row[:, 1])
    flux = catalog['kron_flux'][np.where(right[:, np.newaxis], row, 0)]
    return np.where(right, flux[:, 0] / flux[:, 1], np.nan)


def parts_of_sources(detection):
    """How many blended sources there are in the bundled image."""
    image = datasets.load_image('hubble_xdf')
    sources = measure_sources(image, detection=detection, progress=False).sources
    return np.count_nonzero(sources['flags'] & int(SourceFlag.BLENDED))


def draw(pairs, results, path):
    import matplotlib as mpl

    mpl.use('agg')
    import matplotlib.pyplot as plt

    figure, axes = plt.subplots(2, 2, figsize=(8.5, 6.5), sharex='col', constrained_layout=True)
    quantities = (
        (pairs.separation, np.arange(3, 27, 2.3), 'separation / pixel'),
        (pairs.flux_ratio, np.geomspace(0.8, 10, 10), 'true flux ratio'),
    )
    shown = [(1.5, 0.0005), (1.5, 0.005), (1.5, 0.05), (3.0, 0.005)]
    for column, (values, edges, name) in enumerate(quantities):
        middle = np.sqrt(edges[:-1] * edges[1:])
        for color, key in zip(('C2', 'C0', 'C1', 'C3'), shown, strict=True):
            for ratio, style in zip(results[key], ('-', '--'), strict=True):
                program = 'astro_wgan' if style == '-' else 'SExtractor'
                found, off = binned(values, edges, ratio, pairs.flux_ratio)
                label = f'{key[0]:g} sigma, contrast {key[1]:g}, {program}'
                axes[0, column].plot(middle, off, style, color=color, label=label)
                axes[1, column].plot(middle, found, style, color=color)
        axes[0, column].axhline(1, color='0.6', lw=0.8)
        axes[1, column].set_xlabel(name)
    for axis in axes[:, 1]:
        axis.set_xscale('log')
        axis.set_xticks([1, 2, 4, 8], ['1', '2', '4', '8'])
        axis.minorticks_off()
    axes[0, 0].set_ylabel('measured / true flux ratio (median)')
    axes[1, 0].set_ylabel('fraction of pairs in which both are found')
    axes[0, 0].set_ylim(0.8, 1.2)
    axes[0, 1].set_ylim(0.8, 1.2)
    axes[0, 1].legend(fontsize=7)
    figure.savefig(path, dpi=90)


def binned(values, edges, ratio, truth):
    """Per bin: the fraction of pairs that are found, and by what factor the median is off."""
    number = np.digitize(values, edges) - 1
    found, off = np.full((2, len(edges) - 1), np.nan)
    for k in range(len(edges) - 1):
        chosen = ratio[number == k] / truth[number == k]
        found[k] = np.mean(np.isfinite(chosen))
        # A median of few says little.
        if np.count_nonzero(np.isfinite(chosen)) >= 10:
            off[k] = np.nanmedian(chosen)
    return found, off


if __name__ == '__main__':
    main()
