"""
Figures of a finished hunt for the documentation: how the training went, and what the scores are.

Needs Matplotlib and the folder of a hunt::

    astro-wgan hunt hubble_xdf --size 32 --out strange
    python benchmarks/hunt_figures.py strange docs/images
"""

import argparse
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np
from astropy.table import QTable

from astro_wgan import AnomalyDetector, StampStore


def main():
    parser = argparse.ArgumentParser(description=__doc__.split('\n\n')[0])
    parser.add_argument('hunt', type=Path, help='folder of the hunt')
    parser.add_argument(
        'images', type=Path, help='where to put hunt_training.png and hunt_scores.png'
    )
    options = parser.parse_args()
    detector = AnomalyDetector.load(options.hunt / 'model')
    table = QTable.read(options.hunt / 'scores.ecsv')
    with StampStore.open(options.hunt / 'stamps.zarr') as store:
        stamps = store[:]
    draw_training(detector.wgan, stamps).savefig(options.images / 'hunt_training.png', dpi=75)
    draw_scores(detector, stamps, table).savefig(options.images / 'hunt_scores.png', dpi=75)


def draw_training(wgan, stamps):
    """Losses by iteration; below, real stamps and generated ones."""
    figure, axes = plt.subplot_mosaic(
        [['losses'] * 10, [f'real {k}' for k in range(10)], [f'made {k}' for k in range(10)]],
        figsize=(10, 5),
        height_ratios=[3, 1, 1],
        layout='constrained',
    )
    history = wgan.history_
    axes['losses'].plot(history['iteration'], history['wasserstein'], label='critic distance')
    axes['losses'].plot(history['iteration'], history['penalty'], label='gradient penalty')
    axes['losses'].set(xlabel='generator iteration', ylabel='loss')
    axes['losses'].legend(frameon=False)
    real = wgan.images_from_stamps(stamps[:10])[0]
    made = wgan.images_from_stamps(wgan.generate(10, seed=1))[0]
    for name, images in (('real', real), ('made', made)):
        for k, image in enumerate(images):
            axes[f'{name} {k}'].imshow(image[..., 0], cmap='gray', vmin=-0.1, vmax=0.8)
            axes[f'{name} {k}'].set_axis_off()
        axes[f'{name} 0'].set_title(name, loc='left', fontsize=9)
    return figure


def draw_scores(detector, stamps, table):
    """Histogram with thresholds; below, the strangest: input, closest image, residual."""
    figure, axes = plt.subplot_mosaic(
        [
            ['scores'] * 6,
            *([f'{name} {k}' for k in range(6)] for name in ('input', 'closest', 'left')),
        ],
        figsize=(9, 7.5),
        height_ratios=[2.2, 1, 1, 1],
        layout='constrained',
    )
    bins = np.linspace(np.nanmin(table['score']), np.nanmax(table['score']), 50)
    for seen, label in ((True, 'trained on'), (False, 'held out')):
        scores = table['score'][table['trained_on'] == seen]
        axes['scores'].hist(scores, bins, density=True, histtype='step', label=label)
    for level, threshold in detector.calibration_.thresholds().items():
        axes['scores'].axvline(threshold, color='0.6', linewidth=1)
        top = axes['scores'].get_ylim()[1]
        axes['scores'].text(threshold, top, f'{level} ', rotation=90, ha='right', va='top')
    axes['scores'].set(xlabel='anomaly score', ylabel='density')
    axes['scores'].legend(frameon=False)
    strangest = np.argsort(table['rank'])[:6]
    images = detector.wgan.images_from_stamps(stamps[strangest])[0]
    latent = np.asarray(table['latent'], np.float32)[strangest]
    closest = detector.wgan.images_from_latent(latent)
    for k in range(6):
        for name, image in (('input', images[k]), ('closest', closest[k])):
            axes[f'{name} {k}'].imshow(image[..., 0], cmap='gray', vmin=-0.1, vmax=0.8)
        left = (images[k] - closest[k])[..., 0]
        axes[f'left {k}'].imshow(left, cmap='RdBu_r', vmin=-0.6, vmax=0.6)
        for name in ('input', 'closest', 'left'):
            axes[f'{name} {k}'].set_axis_off()
    return figure


if __name__ == '__main__':
    main()
