"""`sky_level`: fit of a sky background that varies over an image."""

from itertools import pairwise

import numpy as np
from scipy.interpolate import BSpline
from scipy.sparse import coo_array, diags_array, eye_array, kron
from scipy.sparse.linalg import spsolve
from scipy.stats import f as fisher

__all__ = ['sky_level']

#: Bins per scale length; models are fitted to their means.
_BINS = 8

#: Maximum number of spline segments along an edge.
_PIECES = 64

#: Probability of a variation in pure noise below which the sky is taken to vary; and below which a
#: more detailed model is used if the sky is known to vary.
_PROBABILITY, _MORE = 1e-5, 0.01

#: Minimum number of clean pixels for a fit.
_FEWEST = 64

#: Regularization of a spline, relative to the pixels, for gaps.
_STIFF = 1e-4


def sky_level(pixels, clean, *, scale, noise=None, rows=(), columns=()):
    """
    Fit the sky level as a function of position, as far as it is significant.

    Parameters
    ----------
    pixels : `~numpy.ndarray`, shape (ny, nx)
        The image.
    clean : `~numpy.ndarray` of bool, shape (ny, nx)
        True for sky.
    scale : float
        Smallest scale of variations in pixels; what varies on smaller scales is noise.
    noise : `~numpy.ndarray`, shape (ny, nx), optional
        Relative standard deviation of each pixel; uniform by default.
    rows, columns : sequence of int, optional
        First row, and column, after each step of the level.

    Returns
    -------
    level : `~numpy.ndarray`, shape (ny, nx)
    terms : int
        Number of parameters: 1 for a constant level.

    Notes
    -----
    Between the steps the level is a polynomial of degree 0, 1, 2 or 4, or a cubic spline with an
    increasing number of segments, down to the length ``scale``. A model with more parameters is
    used if it lowers the sum of squares per parameter by more than a model of still smaller
    scale does (an F test). Correlated noise, which lowers both alike, is thus not fitted.
    """
    ny, nx = pixels.shape
    edges = [[0, *rows, ny], [0, *columns, nx]]
    cells = [
        _Cell((slice(*y), slice(*x)), pixels, clean, noise, scale)
        for y in pairwise(edges[0])
        for x in pairwise(edges[1])
    ]
    cells = [cell for cell in cells if cell.count]
    if sum(cell.count for cell in cells) < _FEWEST:
        return np.full(pixels.shape, pixels[clean].mean(dtype=float), dtype=pixels.dtype), 1
    models = _models(max(max(cell.shape) for cell in cells), scale)
    terms, squares = np.array([_cost(cells, model) for model in models]).T
    white = sum(cell.squares for cell in cells) - squares[0] + squares[-1]
    chosen = _chosen(terms, squares, white / sum(cell.count for cell in cells))
    level = np.full(pixels.shape, pixels[clean].mean(dtype=float), dtype=pixels.dtype)
    for cell in cells:
        level[cell.part] = cell.level(models[chosen])
    return level, int(terms[chosen])


def _models(edge, scale):
    """Models as (degree or kind, segments); the last is finer than the scale."""
    finest = min(_PIECES, int(edge // scale))
    pieces = sorted({finest >> k for k in range(finest.bit_length())})
    quartic = [(4, 1)] if finest else []
    splines = [('spline', n) for n in pieces]
    beyond = ('beyond', 2 * finest)
    return [(0, 1), (1, 1), (2, 1), *quartic, *splines, beyond]


def _cost(cells, model):
    """Number of parameters of all cells, and residual sum of squares."""
    return np.sum([cell.fit(model)[1:] for cell in cells], axis=0)


def _chosen(terms, squares, white):
    """
    The most detailed model, except for the last, that is a significant improvement.

    ``white`` is the weighted variance of the pixels, by which each parameter would lower the sum of
    squares of white noise.
    """
    # The models are not strictly nested.
    terms, squares = np.maximum.accumulate(terms), np.minimum.accumulate(squares)
    more, less = np.diff(terms), -np.diff(squares)
    if more[-1] <= 0:
        return 0
    noise = max(less[-1] / more[-1], white, np.finfo(float).tiny)
    chosen = 0
    for k in range(len(more) - 1):
        if more[k] > 0:
            ratio = less[k] / more[k] / noise
            limit = _MORE if chosen else _PROBABILITY
            if fisher.sf(ratio, more[k], more[-1]) < limit:
                chosen = k + 1
    return chosen


class _Cell:
    """A binned section of the image between steps."""

    def __init__(self, part, pixels, clean, noise, scale):
        self.part = part
        pixels, clean = pixels[part], clean[part]
        self.shape = pixels.shape
        self.count = int(np.count_nonzero(clean))
        if not self.count:
            return
        wanted = max(1, int(min(scale, *self.shape) / _BINS))
        starts = [np.arange(0, n, wanted) for n in self.shape]
        weights = clean.astype(pixels.dtype)
        if noise is not None:
            weights = np.divide(weights, noise[part] ** 2, out=weights, where=clean)
        self.mean = np.sum(pixels * weights, dtype=float) / np.sum(weights, dtype=float)
        values = np.where(clean, pixels - pixels.dtype.type(self.mean), pixels.dtype.type(0))
        self.squares = float(np.sum(values * values * weights, dtype=float))
        total, weight = (
            np.add.reduceat(np.add.reduceat(each, starts[0], 0, float), starts[1], axis=1)
            for each in (values * weights, weights)
        )
        self.weight = weight
        self.value = np.divide(total, weight, out=np.zeros_like(total), where=weight > 0)
        # Centers of the bins, from -1 to 1 along the cell.
        ends = [np.append(start[1:], n) for start, n in zip(starts, self.shape, strict=True)]
        self.places = [
            (start + end) / n - 1 for start, end, n in zip(starts, ends, self.shape, strict=True)
        ]
        self.fits = {}

    def fit(self, model):
        """Coefficients, number of terms and weighted sum of squares of a model."""
        if model not in self.fits:
            self.fits[model] = self._fit(*self._basis(model, self.places), model)
        return self.fits[model]

    def level(self, model):
        """The model at each pixel."""
        centers = [(2 * np.arange(n) + 1) / n - 1 for n in self.shape]
        y, x = self._basis(model, centers)
        coefficients = self.fit(model)[0]
        return self.mean + np.asarray(y @ (x @ coefficients.T).T)

    def _basis(self, model, places):
        degree, pieces = model
        if not isinstance(degree, str):
            return [np.polynomial.legendre.legvander(place, degree) for place in places]
        # Segments along the shorter edge have the same length.
        longest = max(self.shape)
        least = 2 if degree == 'beyond' and pieces else 1
        return [
            _splines(place, max(least, round(pieces * n / longest)))
            for place, n in zip(places, self.shape, strict=True)
        ]

    def _fit(self, y, x, model):
        shape = (y.shape[1], x.shape[1])
        if not isinstance(model[0], str):
            keep = np.add.outer(*(np.arange(n) for n in shape)) <= model[0]
            design = np.einsum('ya,xb->yxab', y, x)[:, :, keep].reshape(-1, keep.sum())
            weighted = design * self.weight.reshape(-1, 1)
            found = np.linalg.lstsq(weighted.T @ design, weighted.T @ self.value.ravel())[0]
            coefficients = np.zeros(shape)
            coefficients[keep] = found
            terms = int(keep.sum())
        else:
            design = kron(y, x).tocsr()
            weighted = design.T.multiply(self.weight.ravel()).tocsr()
            matrix = weighted @ design
            stiff = _STIFF * matrix.diagonal().mean() * _stiffness(shape)
            found = spsolve((matrix + stiff).tocsc(), weighted @ self.value.ravel())
            coefficients = found.reshape(shape)
            terms = int(np.count_nonzero(matrix.diagonal() > 0))
        left = self.value - np.asarray(y @ (x @ coefficients.T).T)
        return coefficients, terms, float((self.weight * left**2).sum())


def _splines(place, pieces):
    """Sparse design matrix of cubic B-splines on equal segments from -1 to 1."""
    step = 2 / pieces
    knots = -1 + step * np.arange(-3, pieces + 4)
    return BSpline.design_matrix(np.clip(place, -1, 1), knots, 3)


def _stiffness(shape):
    """Squared second differences of the coefficients along both axes."""
    along = []
    for n in shape:
        rows = np.repeat(np.arange(n - 2), 3)
        columns = rows + np.tile([0, 1, 2], n - 2)
        second = coo_array((np.tile([1.0, -2.0, 1.0], n - 2), (rows, columns)), shape=(n - 2, n))
        along.append((second.T @ second).tocsr())
    y, x = along
    return (
        kron(y, eye_array(shape[1]))
        + kron(eye_array(shape[0]), x)
        + 1e-8 * diags_array(np.ones(shape[0] * shape[1]))
    )
