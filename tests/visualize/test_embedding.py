import sys

import numpy as np
import pytest
from astropy.table import QTable

from astro_wgan.stamps import Stretch
from astro_wgan.store import StampStore
from astro_wgan.testing import make_stamps
from astro_wgan.visualize import embed_features, plot_embedding

plt = pytest.importorskip('matplotlib.pyplot')

IMAGE = {
    'baseline_dir': 'baseline',
    'style': 'default',
    'tolerance': 5,
    'savefig_kwargs': {'dpi': 50},
}


def clusters(n=40, *, dimensions=80, seed=1):
    """Three clusters, far from each other, of n each."""
    rng = np.random.default_rng(seed)
    middles = 5 * rng.normal(size=(3, dimensions))
    return np.repeat(middles, n, axis=0) + rng.normal(size=(3 * n, dimensions))


def fraction_of_like_neighbors(embedding, n):
    """How often the nearest one is of the same cluster."""
    apart = np.linalg.norm(embedding[:, np.newaxis] - embedding, axis=-1)
    np.fill_diagonal(apart, np.inf)
    kinds = np.repeat([0, 1, 2], n)
    return np.mean(kinds[apart.argmin(axis=1)] == kinds)


@pytest.mark.parametrize('method', ['tsne', 'umap'])
def test_maps_keep_clusters_together(method):
    pytest.importorskip('sklearn')
    if method == 'umap':
        pytest.importorskip('umap')
    features = clusters()
    embedding = embed_features(features, method=method, seed=3)
    assert embedding.shape == (120, 2)
    assert fraction_of_like_neighbors(embedding, 40) == 1
    assert np.array_equal(embedding, embed_features(features, method=method, seed=3))


def test_tables_and_maps_of_features_are_taken():
    pytest.importorskip('sklearn')
    features = clusters(10)
    embedding = embed_features(features)
    table = QTable({'id': np.arange(30), 'features': features.astype(np.float32)})
    assert np.array_equal(embed_features(table), embedding)
    assert np.array_equal(embed_features(features.reshape(30, 4, 4, 5)), embedding)


def test_objects_without_features_have_no_place():
    pytest.importorskip('sklearn')
    features = clusters(10)
    features[4, 7] = np.nan
    embedding = embed_features(features)
    assert np.isnan(embedding[4]).all()
    assert np.array_equal(
        np.delete(embedding, 4, axis=0), embed_features(np.delete(features, 4, axis=0))
    )


def test_few_objects_and_features_have_a_map():
    pytest.importorskip('sklearn')
    embedding = embed_features(np.random.default_rng(1).normal(size=(4, 3)))
    assert np.isfinite(embedding).all()


@pytest.mark.parametrize(
    ('features', 'options', 'message'),
    [
        (np.ones((9, 3)), {'method': 'pca'}, "`method` must be 'tsne' or 'umap'; got 'pca'"),
        (np.ones((9, 3)), {'n_neighbors': 1}, '`n_neighbors` must be at least 2'),
        (np.ones(9), {}, r'`features` must have the shape \(n, features\); got \(9,\)'),
        (np.ones((3, 3)), {}, '`features` must hold at least 4 objects'),
        (np.full((9, 3), np.nan), {}, 'got 0'),
        (QTable({'id': [1]}), {}, 'a table with a column `features`'),
    ],
)
def test_features_without_a_map_are_refused(features, options, message):
    with pytest.raises(ValueError, match=message):
        embed_features(features, **options)


@pytest.mark.parametrize(
    ('method', 'module', 'extra'), [('tsne', 'sklearn', 'baselines'), ('umap', 'umap', 'umap')]
)
def test_what_is_not_installed_is_named(monkeypatch, method, module, extra):
    for name in [name for name in sys.modules if name.split('.')[0] == module]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, module, None)
    with pytest.raises(ImportError, match=rf'pip install "astro_wgan\[{extra}\]"'):
        embed_features(clusters(4), method=method)


@pytest.mark.mpl_image_compare(**IMAGE)
def test_classes_have_their_colors(bare):
    rng = np.random.default_rng(1)
    embedding = rng.normal(size=(60, 2))
    embedding[3] = np.nan
    kinds = np.repeat(['normal', 'pair'], 30)
    ax = plot_embedding(embedding, by=kinds, label='class')
    first, second = ax.lines
    assert np.array_equal(first.get_xydata(), np.delete(embedding[:30], 3, axis=0))
    assert np.array_equal(second.get_xydata(), embedding[30:])
    assert ax.get_legend_handles_labels()[1] == ['normal (29)', 'pair (30)']
    assert ax.get_legend().get_title().get_text() == 'class'
    return bare(ax)


def test_truth_values_are_classes_and_nothing_is_one_color():
    embedding = np.arange(8.0).reshape(4, 2)
    ax = plot_embedding(embedding, by=[True, False, True, True])
    assert ax.get_legend_handles_labels()[1] == ['True (3)', 'False (1)']
    ax = plot_embedding(embedding)
    assert len(ax.lines) == 1
    assert ax.get_legend() is None


def test_numbers_have_a_color_bar_and_their_name():
    rng = np.random.default_rng(1)
    embedding = rng.normal(size=(50, 2))
    table = QTable({'score': np.append(np.arange(49.0), np.nan)})
    ax = plot_embedding(embedding, by=table['score'])
    points = ax.collections[0]
    assert np.array_equal(points.get_offsets(), embedding[:49])
    assert np.array_equal(points.get_array(), np.arange(49.0))
    assert np.array_equal(ax.lines[0].get_xydata(), embedding[49:])
    assert points.get_clim() == pytest.approx(np.percentile(np.arange(49.0), [1, 99]))
    assert points.colorbar.ax.get_ylabel() == 'score'


@pytest.mark.mpl_image_compare(**IMAGE)
def test_each_cell_shows_the_object_nearest_to_its_middle(bare):
    embedding = np.array([[0.0, 0.0], [0.9, 0.9], [1.0, 1.1], [4.0, 4.0], [np.nan, 0]])
    shades = np.arange(5.0).reshape(5, 1, 1) * np.ones((5, 8, 8))
    shades[:, ::2] += 10
    ax = plot_embedding(embedding, by=list('abcde'), stamps=shades, thumbnails_per_axis=2)
    corners = [tuple(image.get_extent()) for image in ax.images]
    assert corners == [(0, 2, 0, 2), (2, 4, 2, 4)]
    # Of the lower cell, whose middle is (1, 1), the third object; of the upper one the fourth.
    frames = [patch.get_edgecolor() for patch in ax.patches]
    colors = [plt.matplotlib.colors.to_rgba(name) for name in ('C2', 'C3')]
    assert frames == colors
    assert ax.get_xlim() == ax.get_ylim() == (0, 4)
    return bare(ax)


@pytest.mark.parametrize(
    ('embedding', 'options', 'message'),
    [
        (np.ones((3, 3)), {}, r'`embedding` must have the shape \(n, 2\)'),
        (np.full((3, 2), np.nan), {}, '`embedding` must have a finite row'),
        (np.ones((0, 2)), {}, '`embedding` must have a finite row'),
        (np.ones((3, 2)), {'by': ['a']}, '`by` must have 3 entries, one per object; got 1'),
        (np.ones((3, 2)), {'by': [np.nan] * 3}, '`by` must hold a finite number'),
        (np.ones((3, 2)), {'stamps': np.ones((2, 8, 8))}, '`stamps` must have 3 entries'),
        (
            np.ones((3, 2)),
            {'thumbnails_per_axis': 0, 'stamps': np.ones((3, 8, 8))},
            '`thumbnails_per_axis` must be at least 1',
        ),
        (np.ones((3, 2)), {'thumbnails_per_axis': 4}, '`thumbnails_per_axis` is for the images'),
        (np.ones((3, 2)), {'stretch': Stretch()}, '`stretch` is for the images of `stamps`'),
        (np.ones((3, 2)), {'label': 'size'}, "`label` needs `by`.*got 'size' alone"),
    ],
)
def test_places_that_are_none_are_refused(embedding, options, message):
    with pytest.raises(ValueError, match=message):
        plot_embedding(embedding, **options)
    assert not plt.get_fignums()


def test_thumbnails_are_of_any_stamps(tmp_path):
    embedding, stamps = clusters(4, dimensions=2), make_stamps(12, shape=(16, 16))
    path = StampStore.from_stamps(tmp_path / 'stamps', stamps).path
    for some in (path, stamps.to_cutout2d(), stamps.pixels, list(stamps.pixels)):
        assert plot_embedding(embedding, stamps=some, thumbnails_per_axis=2).images
