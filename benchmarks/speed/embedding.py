"""
How fast a map of the critic's features is made, and how well it keeps neighbours.

Simulated stamps (a third each normal, pairs and disturbed) as the critic of the shipped model sees
them. Beside `feature_map`, t-SNE of scikit-learn and UMAP of umap-learn with their own defaults, on
the same principal components. The first map by UMAP compiles its code; it is made of few stamps
and timed by itself. Trustworthiness says how far the neighbours in the map are neighbours among
the features (1: all of them).

Needs umap-learn and GalSim::

    python -m benchmarks.speed.embedding                 # some minutes
    python -m benchmarks.speed.embedding --stamps 600
"""

import argparse
import time

import numpy as np
from astropy.table import Table
from sklearn.decomposition import PCA
from sklearn.manifold import TSNE, trustworthiness

from astro_wgan import datasets
from astro_wgan.anomaly import critic_features
from astro_wgan.stamps import concatenate
from astro_wgan.visualize import feature_map
from benchmarks.machine import describe_machine

NEIGHBOURS = 12


def main():
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument('--stamps', type=int, default=3000, help='rounded to a multiple of three')
    options = parser.parse_args()
    detector = datasets.load_model()
    kinds = ('normal', 'pair', 'disturbed')
    stamps = concatenate([datasets.simulate(k, options.stamps // 3, seed=1) for k in kinds])
    rows = []
    features = timed('critic features', lambda: critic_features(detector.wgan, stamps), rows)
    features = features['features']
    timed('umap, first call, 60 stamps', lambda: feature_map(features[:60], method='umap'), rows)
    # After the first call, since its import is a part of what that takes.
    from umap import UMAP

    components = PCA(50, svd_solver='randomized', random_state=0).fit_transform(features)
    makers = {
        'feature_map, tsne': lambda: feature_map(features),
        'scikit-learn, t-SNE': lambda: TSNE(random_state=0).fit_transform(components),
        'feature_map, umap': lambda: feature_map(features, method='umap'),
        'umap-learn, UMAP': lambda: UMAP(random_state=0, n_jobs=1).fit_transform(components),
    }
    for name, make in makers.items():
        places = timed(name, make, rows)
        rows[-1]['trustworthiness'] = trustworthiness(components, places, n_neighbors=NEIGHBOURS)
    print(describe_machine('scikit-learn', 'umap-learn'))
    table = Table(rows=rows)
    table['seconds'].format = table['of processors'].format = '.1f'
    table['trustworthiness'].format = '.3f'
    table.pprint_all()


def timed(name, make, rows):
    """What ``make`` makes; its time becomes a row."""
    wall, processors = time.perf_counter(), time.process_time()
    made = make()
    rows.append(
        {
            'what': name,
            'seconds': time.perf_counter() - wall,
            'of processors': time.process_time() - processors,
            'trustworthiness': np.nan,
        }
    )
    return made


if __name__ == '__main__':
    main()
