"""Embeddings of features in two dimensions: `embed_features` and `plot_embedding`."""

import warnings

import numpy as np
from astropy.table import Table

from astro_wgan.catalogs.columns import numbers_or_nan, plain_values
from astro_wgan.optional import import_optional
from astro_wgan.stamps.intensity.color_composites import combine_bands, lupton_softening
from astro_wgan.store.stamp_inputs import as_stamps, is_stamps
from astro_wgan.validation.masked import without_mask
from astro_wgan.visualize.axes import one_or_new
from astro_wgan.visualize.display import color_pictures, stretched_set
from astro_wgan.visualize.table_input import axis_label, in_order, numbers

__all__ = ['embed_features', 'plot_embedding']

#: Number of principal components that are used; further ones would add only noise.
_COMPONENTS = 50
#: Half of the default iterations, and a coarser angle of the Barnes-Hut tree, keep neighbors as
#: well: benchmarks/speed/embedding.py.
_TSNE = {'max_iter': 500, 'angle': 0.8}
_LEAST = 4
_UNKNOWN = '0.7'


def embed_features(features, *, method='tsne', n_neighbors=None, seed=0):
    """
    Places in a plane, of which those of similar objects are near each other.

    Parameters
    ----------
    features : array_like, shape (n, features), or table
        Such as those of `astro_wgan.AnomalyDetector.features`, whose table can be given as it is.
        More axes than two are flattened.
    method : {'tsne', 'umap'}, optional
        t-SNE of scikit-learn, or UMAP of umap-learn.
    n_neighbors : int, optional
        Number of neighbors that count: the perplexity of t-SNE (default 30), or
        ``n_neighbors`` of UMAP (default 15); lower where there are few objects.
    seed : int, optional
        The same seed gives the same map.

    Returns
    -------
    `~numpy.ndarray` of float32, shape (n, 2)
        NaN for an object with a feature that is not finite.

    Raises
    ------
    ImportError
        If scikit-learn, or umap-learn, is not installed.
    ValueError
        If the method is unknown, or fewer than 4 objects have finite features.

    Notes
    -----
    Margalef-Bentabol et al. 2020, figures 7 and 14, with t-SNE (van der Maaten & Hinton 2008); UMAP
    is that of McInnes et al. 2018 (arXiv:1802.03426). Before either, features are reduced to their
    50 largest principal components. Only nearness has a meaning: axes, and the sizes of gaps,
    have none. The first map by UMAP in a process takes longer, since its code is compiled.

    Examples
    --------
    >>> import numpy as np
    >>> from astro_wgan.visualize import embed_features
    >>> rng = np.random.default_rng(1)
    >>> features = rng.normal(size=(60, 100)) + np.repeat([[0], [5]], 30, axis=0)
    >>> embed_features(features).shape
    (60, 2)
    """
    if method not in ('tsne', 'umap'):
        raise ValueError(f"`method` must be 'tsne' or 'umap'; got {method!r}.")
    if n_neighbors is not None and not n_neighbors >= 2:
        raise ValueError(f'`n_neighbors` must be at least 2; got {n_neighbors}.')
    features = _as_features(features)
    known = np.isfinite(features).all(axis=1)
    if known.sum() < _LEAST:
        raise ValueError(
            f'`features` must hold at least {_LEAST} objects with finite features; '
            f'got {known.sum()}.'
        )
    embedding = np.full((len(features), 2), np.nan, dtype=np.float32)
    reduce = {'tsne': _tsne, 'umap': _umap}[method]
    embedding[known] = reduce(features[known], n_neighbors, seed)
    return embedding


def plot_embedding(
    embedding, *, by=None, label=None, stamps=None, thumbnails_per_axis=None, stretch=None, ax=None
):
    """
    Plot objects in two dimensions, colored by their class or by a number.

    Parameters
    ----------
    embedding : array_like, shape (n, 2)
        From `embed_features`; objects whose position is NaN are left out.
    by : array_like or column, shape (n,), optional
        Words or truth values, which are classes; or numbers, which get a color bar. Objects
        without a number are gray.
    label : str, optional
        What ``by`` is, which it needs; by default the name of the column.
    stamps : array_like, or anything that `~astro_wgan.store.as_stamps` takes, optional
        Images of the n objects. The object nearest to the center of each cell of a grid is shown
        there, in a frame of the color of its class.
    thumbnails_per_axis : int, optional
        Number of cells of that grid along each axis, by default 16; only with ``stamps``.
    stretch : `~astro_wgan.stamps.Stretch`, optional
        As for `~astro_wgan.visualize.plot_stamps`; only with ``stamps``.
    ax : `~matplotlib.axes.Axes`, optional
        Where to draw; by default in a new figure.

    Returns
    -------
    `~matplotlib.axes.Axes`

    Raises
    ------
    ImportError
        If Matplotlib is not installed.
    ValueError
        If numbers disagree, no object has a finite position, or an option is given without what
        it is for.

    Examples
    --------
    >>> import numpy as np
    >>> from astro_wgan.visualize import plot_embedding
    >>> embedding = np.random.default_rng(1).normal(size=(50, 2))
    >>> ax = plot_embedding(embedding, by=np.repeat(['normal', 'pair'], 25))
    >>> ax.get_legend_handles_labels()[1]
    ['normal (25)', 'pair (25)']
    """
    embedding = np.asarray(embedding, dtype=float)
    if embedding.ndim != 2 or embedding.shape[1] != 2:
        raise ValueError(f'`embedding` must have the shape (n, 2); got {embedding.shape}.')
    known = np.isfinite(embedding).all(axis=1)
    if not known.any():
        raise ValueError(f'`embedding` must have a finite row; got {len(embedding)} rows with NaN.')
    if stamps is not None:
        stamps = as_stamps(stamps) if is_stamps(stamps) else np.asanyarray(stamps)
    for name, given in (('by', by), ('stamps', stamps)):
        if given is not None and len(given) != len(embedding):
            raise ValueError(
                f'`{name}` must have {len(embedding)} entries, one per object; got {len(given)}.'
            )
    if label is not None and by is None:
        raise ValueError(f'`label` needs `by`, which it describes; got {label!r} alone.')
    for name, given in (('thumbnails_per_axis', thumbnails_per_axis), ('stretch', stretch)):
        if given is not None and stamps is None:
            raise ValueError(f'`{name}` is for the images of `stamps`; got none.')
    thumbnails_per_axis = 16 if thumbnails_per_axis is None else thumbnails_per_axis
    if thumbnails_per_axis < 1:
        raise ValueError(f'`thumbnails_per_axis` must be at least 1; got {thumbnails_per_axis}.')
    groups = None if by is None else _classes(by)
    values = None if by is None or groups is not None else _finite_numbers(by, known)
    if label is None:
        label = axis_label(_name_of(by), getattr(by, 'unit', None))
    ax = one_or_new(ax)
    if values is None:
        colors = _draw_classes(ax, embedding, known, groups, label)
    else:
        colors = _draw_numbers(ax, embedding, known, values, label)
    if stamps is not None:
        chosen = _nearest_to_grid(embedding, known, thumbnails_per_axis)
        _draw_thumbnails(ax, embedding, stamps, chosen, colors, thumbnails_per_axis, stretch)
    ax.set(xticks=[], yticks=[])
    return ax


def _as_features(features):
    if isinstance(features, Table):
        if 'features' not in features.colnames:
            raise ValueError(
                '`features` must be an array, or a table with a column `features`; '
                f'it has {features.colnames}.'
            )
        features = features['features']
    features = numbers_or_nan(features).astype(np.float32)
    if features.ndim < 2:
        raise ValueError(f'`features` must have the shape (n, features); got {features.shape}.')
    return features.reshape(len(features), -1)


def _tsne(features, n_neighbors, seed):
    features = _principal_components(features, seed)
    from sklearn.manifold import TSNE

    perplexity = min(30 if n_neighbors is None else n_neighbors, (len(features) - 1) / 3)
    return TSNE(perplexity=perplexity, random_state=seed, **_TSNE).fit_transform(features)


def _umap(features, n_neighbors, seed):
    umap = import_optional('umap', purpose='UMAP needs')
    features = _principal_components(features, seed)
    from sklearn.neighbors import NearestNeighbors

    count = min(15 if n_neighbors is None else n_neighbors, len(features) - 1)
    # For fewer than 4096 objects umap-learn itself computes all pairs of neighbors in Python.
    distances, indices = NearestNeighbors(n_neighbors=count).fit(features).kneighbors(features)
    with warnings.catch_warnings():
        # Precomputed neighbors do not allow to add objects later, which is not needed here.
        warnings.filterwarnings('ignore', 'precomputed_knn', UserWarning)
        reducer = umap.UMAP(
            n_neighbors=count,
            precomputed_knn=(indices, distances),
            force_approximation_algorithm=True,
            random_state=seed,
            n_jobs=1,
        )
        return reducer.fit_transform(features)


def _principal_components(features, seed):
    decomposition = import_optional('sklearn.decomposition', purpose='Maps of features need')
    count = min(_COMPONENTS, *features.shape)
    return decomposition.PCA(count, svd_solver='randomized', random_state=seed).fit_transform(
        features
    )


def _classes(by):
    """Words for classes, or None where there are numbers."""
    values, mask = without_mask(by)
    values, mask = plain_values(np.asarray(getattr(values, 'value', values)), mask)
    if values.dtype.kind not in 'bUSO':
        return None
    words = values.astype(str)
    return words if mask is None else np.where(mask, 'unknown', words)


def _finite_numbers(by, known):
    values = numbers(by, '`by`')
    if not np.isfinite(values[known]).any():
        raise ValueError('`by` must hold a finite number for at least one place; got none.')
    return values


def _name_of(column):
    # A Quantity in a table keeps its name beside itself.
    info = getattr(column, 'info', None)
    return getattr(column, 'name', None) or getattr(info, 'name', None) or ''


def _draw_classes(ax, embedding, known, groups, label):
    """Points by class; returns the color of each object."""
    names = [None] if groups is None else in_order(groups)
    colors = np.full(len(embedding), '', dtype=object)
    for i, name in enumerate(names):
        member = known if name is None else known & (groups == name)
        colors[member] = f'C{i}'
        text = None if name is None else f'{name} ({member.sum():,})'
        ax.plot(*embedding[member].T, '.', color=f'C{i}', markersize=3, alpha=0.7, label=text)
    if groups is not None:
        place = {'loc': 'upper left', 'bbox_to_anchor': (1, 1)}
        ax.legend(title=label or None, frameon=False, markerscale=3, **place)
    return colors


def _draw_numbers(ax, embedding, known, values, label):
    missing = known & ~np.isfinite(values)
    shown = known & np.isfinite(values)
    ax.plot(*embedding[missing].T, '.', color=_UNKNOWN, markersize=3)
    # A few far out would leave one color to all others.
    low, high = np.percentile(values[shown], (1, 99))
    style = {'c': values[shown], 's': 5, 'vmin': low, 'vmax': high}
    points = ax.scatter(*embedding[shown].T, **style)
    ax.figure.colorbar(points, ax=ax, label=label, extend='both')
    colors = np.full(len(embedding), _UNKNOWN, dtype=object)
    for row in np.flatnonzero(shown):
        colors[row] = points.to_rgba(values[row])
    return colors


def _nearest_to_grid(embedding, known, cells):
    """For each cell of a grid that has any, the object nearest to its middle."""
    low, size = _grid(embedding, cells)
    at = (embedding[known] - low) / size
    cell = np.clip(at.astype(int), 0, cells - 1)
    off = np.hypot(*(at - cell - 0.5).T)
    order = np.argsort(off, kind='stable')
    _, first = np.unique(cell[order] @ [1, cells], return_index=True)
    nearest = order[first]
    return {
        int(row): tuple(cell[k])
        for k, row in zip(nearest, np.flatnonzero(known)[nearest], strict=True)
    }


def _draw_thumbnails(ax, embedding, stamps, chosen, colors, cells, stretch):
    from matplotlib.patches import Rectangle

    rows = np.array([*chosen])
    images, stretch, bands = stretched_set(stamps[rows], stretch, '`stamps`')
    images = combine_bands(images, bands=bands, stretch=stretch)
    pictures = color_pictures(images, softening=lupton_softening(stretch))
    low, size = _grid(embedding, cells)
    for row, picture in zip(rows, pictures, strict=True):
        x, y = low + size * chosen[row]
        width, height = size
        corners = (x, x + width, y, y + height)
        ax.imshow(picture, origin='lower', extent=corners, aspect='auto', zorder=3)
        frame = {'fill': False, 'edgecolor': colors[row], 'linewidth': 1.5, 'zorder': 4}
        ax.add_patch(Rectangle((x, y), width, height, **frame))
    ax.set(xlim=(low[0], low[0] + cells * size[0]), ylim=(low[1], low[1] + cells * size[1]))


def _grid(embedding, cells):
    """Lower corner of the grid and size of its cells."""
    low, high = np.nanmin(embedding, axis=0), np.nanmax(embedding, axis=0)
    extent = np.where(high > low, high - low, 1)
    return low, extent / cells
