"""
Is made noise that of Hubble, and how quickly is it made? GalSim does the same in the same run.

* ``cosmos``: the correlation function of HST ACS COSMOS sky that GalSim comes with. Made noise
  is measured against that function, and against the noise of GalSim's ``CorrelatedNoise``.
* ``sky``: the clean sky of an image, by default of the bundled mock of one by HST. Made noise is
  measured against that sky: its correlation, power spectrum and histogram.
* ``trees``: gradient-boosted trees of scikit-learn look at the power spectrum and pixel statistics
  of stamps and try to tell made ones from those of the sky, and from those of GalSim. Stamps of one
  block of the image are trained on or tested on, never both. White noise shows that they can see.
* ``speed``: stamps per second of one core, the best of several turns, in processor time.

Needs GalSim and scikit-learn.

    python -m benchmarks.quality.noise                  # 10,000 stamps; two minutes
    python -m benchmarks.quality.noise --stamps 1000 --only speed
    python -m benchmarks.quality.noise --image hst.fits # the sky of an image of yours
"""

import argparse
import time
from dataclasses import replace
from pathlib import Path

import galsim
import numpy as np
from astropy.io import fits
from astropy.table import Table
from scipy.stats import ks_2samp
from sklearn.ensemble import HistGradientBoostingClassifier
from sklearn.metrics import roc_auc_score

from astro_wgan import datasets
from astro_wgan.images import read_image
from astro_wgan.noise import Autocorrelation, autocorrelation, find_sky, make_noise, power_spectrum
from benchmarks.judges import load_judge
from benchmarks.machine import describe_machine

SIZE = 64
MAX_LAG = 8
COSMOS = Path(galsim.meta_data.share_dir) / 'acs_I_unrot_sci_20_cf.fits'

#: Edge of the stamps that trees look at, and of the blocks that those of the sky come from: small,
#: since the image has few stamps that do not overlap.
SMALL, BLOCK = 24, 62
FOLDS = 4


def main():
    parts = {'cosmos': judge_cosmos, 'sky': judge_sky, 'trees': judge_trees, 'speed': time_it}
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument('--stamps', type=int, default=10_000)
    parser.add_argument('--only', choices=parts, help='one part')
    parser.add_argument('--image', default='mock_f814w', help='bundled, or path of one, with sky')
    parser.add_argument('--repeats', type=int, default=5, help='turns of the timing')
    parser.add_argument('--seed', type=int, default=1)
    options = parser.parse_args()
    print(describe_machine('galsim', 'scikit-learn'))
    for name, judge in parts.items():
        if options.only in (None, name):
            print()
            judge(options)


def judge_cosmos(options):
    known = Autocorrelation.from_array(fits.getdata(COSMOS))
    made = make_noise(known, options.stamps, size=SIZE, seed=options.seed)
    wanted = central(known, MAX_LAG)
    by_galsim = with_galsim(options.stamps, options.seed)
    print(f'COSMOS, {options.stamps} stamps of {SIZE} x {SIZE} pixels')
    found = autocorrelation(made, max_lag=MAX_LAG, mean=0)
    report_correlation('against the function', found, wanted)
    report_correlation('against GalSim', found, autocorrelation(by_galsim, max_lag=MAX_LAG, mean=0))
    report_power('against the function', made, central(known, 16))
    report_power('against GalSim', made, by_galsim)


def judge_sky(options):
    sky = read_sky(options)
    made = make_noise(sky, options.stamps, size=SIZE, seed=options.seed)
    print(f'sky of {options.image}, {options.stamps} stamps of {SIZE} x {SIZE} pixels')
    correlations = [autocorrelation(each, max_lag=MAX_LAG) for each in (made, sky)]
    report_correlation('against the sky', *correlations)
    report_power('against the sky', made, sky)
    pixels = made.pixels[:, ::8, ::8].ravel()
    grids = [np.s_[y::8, x::8] for y in range(8) for x in range(8)]
    tests = [ks_2samp(sky.pixels[grid][sky.clean[grid]], pixels) for grid in grids]
    distance = ks_2samp(sky.pixels[sky.clean], pixels).statistic
    print(f'  histogram: largest distance of the distributions {distance:.4f};')
    print(f'    KS of every 8th pixel, median of {len(tests)}: p = {median_p(tests):.2f}')


def judge_trees(options):
    sky = read_sky(options)
    cut, block = sky_stamps(sky, options)
    made = make_noise(sky, len(cut), size=SMALL, seed=options.seed).pixels
    white = np.random.default_rng(options.seed).choice(sky.pixels[sky.clean], size=cut.shape)
    known = Autocorrelation.from_array(fits.getdata(COSMOS))
    n = options.stamps
    cosmos = make_noise(known, n, size=SIZE, seed=options.seed).pixels
    # GalSim's noise goes around the edges of its image: the left one continues the right one.
    by_galsim = with_galsim(n, options.seed, border=16)
    fold = np.arange(n) % FOLDS
    rows = [
        ('sky', 'made', SMALL, len(cut), *held_out_auc(cut, block, made)),
        ('sky', 'white noise', SMALL, len(cut), *held_out_auc(cut, block, white)),
        ('GalSim', 'made', SIZE, n, *held_out_auc(by_galsim, fold, cosmos)),
    ]
    table = Table(rows=rows, names=['stamps', 'against', 'size', 'of_each', 'auc', 'error'])
    table['auc'].format = table['error'].format = '.3f'
    print('what trees can tell apart, held out (0.5: nothing); error: scatter of folds')
    table.pprint(max_lines=-1, max_width=-1)


def time_it(options):
    known, sky = Autocorrelation.from_array(fits.getdata(COSMOS)), read_sky(options)
    few = min(500, options.stamps)
    contenders = {
        'GalSim CorrelatedNoise': (few, lambda: with_galsim(few, options.seed)),
        'make_noise, COSMOS': (
            options.stamps,
            lambda: make_noise(known, options.stamps, size=SIZE, seed=options.seed),
        ),
        'make_noise, like the sky': (
            options.stamps,
            lambda: make_noise(sky, options.stamps, size=SIZE, seed=options.seed),
        ),
    }
    times = {name: [] for name in contenders}
    for _ in range(options.repeats):
        for name, (n, function) in contenders.items():
            start = time.process_time()
            function()
            times[name].append((time.process_time() - start) / n)
    rate = 1 / np.array([min(each) for each in times.values()])
    table = Table({'who': list(times), 'stamps_per_second': rate, 'to_galsim': rate / rate[0]})
    table['stamps_per_second'].format, table['to_galsim'].format = '.0f', '.1f'
    print(f'speed, stamps of {SIZE} x {SIZE} pixels, one core')
    table.pprint(max_lines=-1, max_width=-1)


def with_galsim(n, seed, *, border=0):
    """COSMOS noise by GalSim, float32; cut from larger images, where there is a border."""
    noise = galsim.getCOSMOSNoise(file_name=str(COSMOS), rng=galsim.BaseDeviate(seed))
    image = galsim.ImageF(SIZE + border, SIZE + border, scale=0.03)
    stamps = np.empty((n, SIZE, SIZE), dtype=np.float32)
    for stamp in stamps:
        image.setZero()
        image.addNoise(noise)
        stamp[...] = image.array[:SIZE, :SIZE]
    return stamps


def read_sky(options):
    if options.image in datasets.names():
        return find_sky(datasets.load_image(options.image))
    return find_sky(read_image(options.image))


def central(known, max_lag):
    """An autocorrelation without its larger lags, as if it were measured up to there."""
    part = slice(known.max_lag - max_lag, known.max_lag + max_lag + 1)
    covariance = known.covariance[part, part]
    return replace(known, covariance=covariance, pairs=np.ones(covariance.shape))


def report_correlation(against, found, wanted):
    peak = wanted.variance.value
    off = np.abs(found.covariance.value - wanted.covariance.value).max() / peak
    variance = found.variance.value / peak - 1
    print(f'  autocorrelation {against}, lags up to {MAX_LAG}: off by {100 * off:.2f} per cent')
    print(f'    of the peak at most; variance by {100 * variance:+.2f} per cent')


def report_power(against, made, wanted):
    found, wanted = (
        power_spectrum(each, mean=0 if against != 'against the sky' else None).radial()['power']
        for each in (made, wanted)
    )
    off = np.abs((found / wanted).value - 1)
    print(
        f'  radial power {against}, {len(off)} bins: off by {100 * off.max():.2f} per cent at most'
    )


def median_p(tests):
    return np.median([test.pvalue for test in tests])


def sky_stamps(sky, options):
    """Stamps of the sky, and the block of the image that each is wholly in."""
    stamps = sky.stamps(2 * options.stamps, size=SMALL, seed=options.seed)
    middle = np.column_stack([np.asarray(stamps.table[name]) for name in 'xy'])
    first = np.rint(middle - (SMALL - 1) / 2).astype(int)
    inside = ((first % BLOCK) <= BLOCK - SMALL).all(axis=1)
    x, y = first[inside].T // BLOCK
    # Blocks beside each other are in different folds.
    return stamps.pixels[inside], (x + 2 * y) % FOLDS


def held_out_auc(first, fold, second):
    """How well trees tell two kinds apart that they were not trained on, and the scatter."""
    judge = load_judge('noise/judge.py')
    features = np.concatenate([judge.statistics(first), judge.statistics(second)])
    is_first = np.arange(len(features)) < len(first)
    fold = np.concatenate([fold, np.arange(len(second)) % FOLDS])
    found = []
    for k in range(FOLDS):
        tested = fold == k
        trees = HistGradientBoostingClassifier(random_state=0)
        trees.fit(features[~tested], is_first[~tested])
        rank = trees.predict_proba(features[tested])[:, 1]
        found.append(roc_auc_score(is_first[tested], rank))
    return np.mean(found), np.std(found, ddof=1) / np.sqrt(FOLDS)


if __name__ == '__main__':
    main()
