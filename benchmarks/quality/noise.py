"""
Is made noise that of Hubble, and how quickly is it made, beside GalSim?

* ``cosmos``: the correlation function of HST ACS COSMOS sky that GalSim comes with. Made noise
  is measured against that function, and against the noise of GalSim's ``CorrelatedNoise``.
* ``sky``: the clean sky of an image, by default of the bundled mock of one by HST. Made noise is
  measured against that sky: its correlation, power spectrum and histogram.
* ``trees``: gradient-boosted trees of scikit-learn use the power spectrum and pixel statistics
  of stamps and try to tell made ones from those of the sky, and from those of GalSim. Stamps of one
  block of the image are trained on or tested on, never both. White noise shows that they can see.
* ``speed``: stamps per second of one core, the best of several turns, in processor time.

Needs GalSim and scikit-learn.

    python -m benchmarks.quality.noise                  # 10,000 stamps; two minutes
    python -m benchmarks.quality.noise --stamps 1000 --only speed
    python -m benchmarks.quality.noise --image hst.fits # the sky of an image of yours
"""

from dataclasses import replace
from pathlib import Path

import galsim
import numpy as np
from astropy.io import fits
from scipy.stats import ks_2samp
from sklearn.ensemble import HistGradientBoostingClassifier
from sklearn.metrics import roc_auc_score

from astro_wgan import datasets
from astro_wgan.images import read_image
from astro_wgan.noise import Autocorrelation, autocorrelation, find_sky, make_noise, power_spectrum
from benchmarks.harness import BenchmarkParser, Report, time_in_turns
from benchmarks.judges import load_judge
from benchmarks.results import Column, estimate

SIZE = 64
MAX_LAG = 8
COSMOS = Path(galsim.meta_data.share_dir) / 'acs_I_unrot_sci_20_cf.fits'

#: Edge of the stamps that trees classify, and of the blocks that those of the sky come from: small,
#: since the image has few stamps that do not overlap.
SMALL, BLOCK = 24, 62
FOLDS = 4


DEVIATIONS = (
    Column('noise', 'that is made'),
    Column('against', 'what it is compared with'),
    Column('autocorrelation', f'percent of the peak, at lags up to {MAX_LAG}', '', '.2f'),
    Column('variance', 'percent', '', '+.2f'),
    Column('power spectrum', 'percent, the largest of the radial bins', '', '.2f'),
)
TREES = (
    Column('stamps', 'of what'),
    Column('against', 'what they are to be told from'),
    Column('size', 'edge of the stamps', 'pix'),
    Column('of each', 'stamps', '', ','),
    Column('AUC', 'area under the ROC curve, held out, with the scatter of folds', '', '.3f'),
)
SPEED = (
    Column('program', 'and what it makes'),
    Column('stamps per second', 'of one core, in processor time', '1 / s', ',.0f'),
    Column('times GalSim', 'as many', '', '.1f'),
)


def main():
    parts = {'cosmos': judge_cosmos, 'sky': judge_sky, 'trees': judge_trees, 'speed': time_it}
    parser = BenchmarkParser(__doc__, smoke={'stamps': 100, 'repeats': 1})
    parser.add_argument('--stamps', type=int, default=10_000)
    parser.add_argument('--only', choices=parts, help='one part')
    parser.add_argument('--image', default='mock_f814w', help='bundled, or path of one, with sky')
    parser.add_argument('--repeats', type=int, default=5, help='turns of the timing')
    options = parser.parse_args()
    report = Report(options, 'galsim', 'scikit-learn')
    for name, judge in parts.items():
        if options.only in (None, name):
            judge(options, report)
    report.write()


def judge_cosmos(options, report):
    known = Autocorrelation.from_array(fits.getdata(COSMOS))
    made = make_noise(known, options.stamps, size=SIZE, seed=options.seed)
    by_galsim = with_galsim(options.stamps, options.seed)
    found, of_galsim = (
        autocorrelation(each, max_lag=MAX_LAG, mean=0) for each in (made, by_galsim)
    )
    power, power_of_galsim = (power_spectrum(each, mean=0) for each in (made, by_galsim))
    wanted = power_spectrum(central(known, 16), mean=0)
    rows = [
        {
            'noise': 'COSMOS',
            'against': 'the function',
            **correlation_off(found, central(known, MAX_LAG)),
            **power_off(power, wanted),
        },
        {
            'noise': 'COSMOS',
            'against': 'GalSim',
            **correlation_off(found, of_galsim),
            **power_off(power, power_of_galsim),
        },
    ]
    caption = f'Largest deviations, {options.stamps:,} stamps of {SIZE} x {SIZE} pixels.'
    report.table('cosmos', caption, DEVIATIONS, rows)


def judge_sky(options, report):
    sky = read_sky(options)
    made = make_noise(sky, options.stamps, size=SIZE, seed=options.seed)
    is_bundled = options.image in datasets.image_names()
    row = {
        'noise': f'like {options.image}' if is_bundled else 'like the image',
        'against': 'the sky',
        **correlation_off(*(autocorrelation(each, max_lag=MAX_LAG) for each in (made, sky))),
        **power_off(*(power_spectrum(each) for each in (made, sky))),
    }
    caption = f'Largest deviations, {options.stamps:,} stamps of {SIZE} x {SIZE} pixels.'
    report.table('sky', caption, DEVIATIONS, [row])
    pixels = made.pixels[:, ::8, ::8].ravel()
    grids = [np.s_[y::8, x::8] for y in range(8) for x in range(8)]
    tests = [ks_2samp(sky.pixels[grid][sky.clean[grid]], pixels) for grid in grids]
    distance = ks_2samp(sky.pixels[sky.clean], pixels).statistic
    median = np.median([test.pvalue for test in tests])
    report.note(
        f'The distributions of pixel values are {distance:.4f} apart at most; a '
        f'Kolmogorov-Smirnov test of every eighth pixel has p = {median:.2f} (median of '
        f'{len(tests)} grids).'
    )


def judge_trees(options, report):
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
    cells = [
        ('sky', 'made', SMALL, len(cut), held_out_auc(cut, block, made)),
        ('sky', 'white noise', SMALL, len(cut), held_out_auc(cut, block, white)),
        ('GalSim', 'made', SIZE, n, held_out_auc(by_galsim, fold, cosmos)),
    ]
    rows = [dict(zip([c.name for c in TREES], row, strict=True)) for row in cells]
    report.table('trees', 'What boosted trees can tell apart; 0.5 is chance.', TREES, rows)


def time_it(options, report):
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
    functions = {name: function for name, (_, function) in contenders.items()}
    timings = time_in_turns(functions, turns=options.repeats)
    rates = {name: n / timings[name].processor_shortest for name, (n, _) in contenders.items()}
    rows = [
        {
            'program': name,
            'stamps per second': rate,
            'times GalSim': rate / rates['GalSim CorrelatedNoise'],
        }
        for name, rate in rates.items()
    ]
    report.table('speed', f'Stamps of {SIZE} x {SIZE} pixels.', SPEED, rows)


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
    if options.image in datasets.image_names():
        return find_sky(datasets.load_image(options.image))
    return find_sky(read_image(options.image))


def central(known, max_lag):
    """An autocorrelation without its larger lags, as if it were measured up to there."""
    part = slice(known.max_lag - max_lag, known.max_lag + max_lag + 1)
    covariance = known.covariance[part, part]
    return replace(known, covariance=covariance, n_pairs=np.ones(covariance.shape))


def correlation_off(found, wanted):
    """Deviations of an autocorrelation, in percent."""
    peak = wanted.variance.value
    off = np.abs(found.covariance.value - wanted.covariance.value).max() / peak
    variance = found.variance.value / peak - 1
    return {'autocorrelation': 100 * off, 'variance': 100 * variance}


def power_off(found, wanted):
    """The largest deviation of the radial power spectrum, in percent."""
    found, wanted = (each.radial()['power'] for each in (found, wanted))
    return {'power spectrum': 100 * np.abs((found / wanted).value - 1).max()}


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
    judge = load_judge('judges/noise_statistics.py')
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
    return estimate(np.mean(found), np.std(found, ddof=1) / np.sqrt(FOLDS))


if __name__ == '__main__':
    main()
