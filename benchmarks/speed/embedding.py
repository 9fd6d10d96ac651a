"""
How fast a map of the critic's features is made, and how well it keeps neighbors.

Simulated stamps (a third each normal, pairs and disturbed) as the critic of the shipped model sees
them. Beside `embed_features`, t-SNE of scikit-learn and UMAP of umap-learn with their own defaults,
on the same principal components. The first map by UMAP compiles its code; it is made of few stamps
and timed by itself. Trustworthiness says how far the neighbors in the map are neighbors among
the features (1: all of them).

Needs umap-learn and GalSim::

    python -m benchmarks.speed.embedding                 # some minutes
    python -m benchmarks.speed.embedding --stamps 600
"""

from sklearn.decomposition import PCA
from sklearn.manifold import TSNE, trustworthiness

from astro_wgan import datasets
from astro_wgan.anomaly import critic_features
from astro_wgan.simulate import simulate
from astro_wgan.stamps import concatenate
from astro_wgan.visualize import embed_features
from benchmarks.harness import BenchmarkParser, Report, time_once
from benchmarks.results import Column

NEIGHBORS = 12

COLUMNS = (
    Column('program', 'and what it makes'),
    Column('time', 'by the clock', 's', '.1f'),
    Column('processor time', 'of all processors', 's', '.1f'),
    Column(
        'trustworthiness',
        '1 where all neighbors in the map are neighbors among the features',
        '',
        '.3f',
    ),
)


def main():
    parser = BenchmarkParser(__doc__, smoke={'stamps': 120})
    parser.add_argument('--stamps', type=int, default=3000, help='rounded to a multiple of three')
    options = parser.parse_args()
    report = Report(options, 'scikit-learn', 'umap-learn')
    detector = datasets.load_model()
    kinds = ('normal', 'pair', 'disturbed')
    stamps = concatenate([simulate(k, options.stamps // 3, seed=options.seed) for k in kinds])
    table, timing = time_once(critic_features, detector.wgan, stamps)
    features = table['features']
    rows = [row('critic features', timing)]
    _, timing = time_once(embed_features, features[:60], method='umap')
    rows.append(row('umap, first call, 60 stamps', timing))
    # After the first call, since its import is a part of what that takes.
    from umap import UMAP

    components = PCA(50, svd_solver='randomized', random_state=0).fit_transform(features)
    makers = {
        'ours, t-SNE': lambda: embed_features(features),
        'scikit-learn, t-SNE': lambda: TSNE(random_state=0).fit_transform(components),
        'ours, UMAP': lambda: embed_features(features, method='umap'),
        'umap-learn, UMAP': lambda: UMAP(random_state=0, n_jobs=1).fit_transform(components),
    }
    for name, make in makers.items():
        embedded, timing = time_once(make)
        found = trustworthiness(components, embedded, n_neighbors=NEIGHBORS)
        rows.append({**row(name, timing), 'trustworthiness': found})
    caption = f'{len(stamps):,} stamps of {features.shape[1]:,} features.'
    report.table('embeddings', caption, COLUMNS, rows)
    report.write()


def row(name, timing):
    return {
        'program': name,
        'time': timing.shortest,
        'processor time': timing.processor_shortest,
    }


if __name__ == '__main__':
    main()
