"""`fit_gaussians`: elliptical Gaussians on a tilted background, fitted to many peaks at once."""

from typing import NamedTuple

import numpy as np

__all__ = ['GaussianFits', 'fit_gaussians', 'joined_fits']

#: Full width at half maximum of a Gaussian in standard deviations.
_FWHM = 2 * np.sqrt(2 * np.log(2))

#: Iterations of Levenberg and Marquardt; peaks of stars need about ten.
_ITERATIONS = 25

#: Pixels of the peaks that are fitted together.
_AT_A_TIME = 512 * 81


class GaussianFits(NamedTuple):
    """
    Results of `fit_gaussians`, each of shape (m,).

    Attributes
    ----------
    x, y : `~numpy.ndarray`
        Center in pixels.
    amplitude : `~numpy.ndarray`
        Height above the tilted background.
    major, minor : `~numpy.ndarray`
        Full width at half maximum along both axes in pixels; NaN where the fit failed.
    residual : `~numpy.ndarray`
        Root mean square of the residuals within the half maximum, over the amplitude.
    """

    x: np.ndarray
    y: np.ndarray
    amplitude: np.ndarray
    major: np.ndarray
    minor: np.ndarray
    residual: np.ndarray

    @property
    def fwhm(self):
        """Geometric mean of both widths."""
        return np.sqrt(self.major * self.minor)


def joined_fits(parts):
    """One `GaussianFits` from several."""
    return GaussianFits(*(np.concatenate(columns) for columns in zip(*parts, strict=True)))


def fit_gaussians(image, x, y, *, fwhm, bad=None):
    """
    Fit an elliptical Gaussian and a plane below it to each peak, by least squares.

    Parameters
    ----------
    image : `~numpy.ndarray`, shape (ny, nx)
        Image, such as one without background.
    x, y : `~numpy.ndarray` of int, shape (m,)
        Brightest pixels of the peaks.
    fwhm : float
        Width to begin with; the fit uses pixels within one and a half of it, and at least 3 pixels.
    bad : `~numpy.ndarray` of bool, shape (ny, nx), optional
        True for pixels to leave out.

    Returns
    -------
    `GaussianFits`

    Notes
    -----
    The plane stands for the light of a galaxy on which a star lies.
    """
    reach = max(3, int(np.ceil(1.5 * fwhm)))
    padded = np.pad(np.asarray(image, dtype=float), reach)
    use = np.pad(np.ones(image.shape) if bad is None else ~bad, reach).astype(float)
    offset = np.arange(-reach, reach + 1)
    dy, dx = (grid.ravel() for grid in np.meshgrid(offset, offset, indexing='ij'))
    parts = []
    step = max(1, _AT_A_TIME // len(dx))
    for start in range(0, max(len(x), 1), step):
        rows = slice(start, start + step)
        at = y[rows, None] + reach + dy, x[rows, None] + reach + dx
        parts.append(_fitted(padded[at], use[at], dx, dy, fwhm))
    amplitude, x0, y0, major, minor, residual = np.concatenate(parts, axis=1)
    return GaussianFits(x + x0, y + y0, amplitude, major, minor, residual)


def _fitted(values, use, dx, dy, fwhm):
    """Amplitude, center, both widths and relative residual of each peak."""
    n = len(values)
    middle = values[:, len(dx) // 2]
    lowest = np.where(use > 0, values, np.inf).min(axis=1, initial=np.inf)
    lowest = np.where(np.isfinite(lowest), lowest, 0)
    narrow = np.full(n, (_FWHM / fwhm) ** 2)
    zero = np.zeros(n)
    parameters = np.stack(
        [middle - lowest, zero, zero, narrow, zero, narrow, lowest, zero, zero], axis=1
    )
    damping = np.full(n, 1e-2)
    model, jacobian = _model(parameters, dx, dy)
    cost = np.sum(use * (values - model) ** 2, axis=1)
    for _ in range(_ITERATIONS):
        weighted = jacobian * use[:, None]
        normal = weighted @ jacobian.swapaxes(1, 2)
        gradient = np.einsum('npk,nk->np', weighted, values - model)
        diagonal = np.einsum('npp->np', normal)
        normal[:, range(9), range(9)] += damping[:, None] * diagonal + 1e-12 * (
            1 + diagonal.max(axis=1, keepdims=True)
        )
        tried = parameters + np.linalg.solve(normal, gradient[..., None])[..., 0]
        new_model, new_jacobian = _model(tried, dx, dy)
        new_cost = np.sum(use * (values - new_model) ** 2, axis=1)
        # Widths of a paraboloid or saddle, and centers outside, are no steps forward.
        good = (new_cost < cost) & (tried[:, 3] * tried[:, 5] > tried[:, 4] ** 2)
        good &= (tried[:, 3] > 0) & (np.abs(tried[:, 1:3]) <= dx.max()).all(axis=1)
        parameters[good], cost[good] = tried[good], new_cost[good]
        model[good], jacobian[good] = new_model[good], new_jacobian[good]
        damping = np.where(good, damping / 5, damping * 5).clip(1e-8, 1e8)
    amplitude, x0, y0, a, b, c = parameters[:, :6].T
    mean, half = (a + c) / 2, np.sqrt(((a - c) / 2) ** 2 + b**2)
    with np.errstate(divide='ignore', invalid='ignore'):
        major, minor = (_FWHM / np.sqrt(np.maximum(e, 1e-9)) for e in (mean - half, mean + half))
        core = use * (np.exp(-_form(parameters, dx, dy)) > 0.5)
        residual = np.sqrt(np.sum(core * (values - model) ** 2, axis=1) / core.sum(axis=1))
        residual = residual / amplitude
    failed = ~(amplitude > 0)
    major, minor = (np.where(failed, np.nan, width) for width in (major, minor))
    return np.stack([amplitude, x0, y0, major, minor, residual])


def _form(parameters, dx, dy):
    """The exponent of the Gaussian."""
    _, x0, y0, a, b, c = parameters[:, :6, None].swapaxes(0, 1)
    x, y = dx - x0, dy - y0
    return np.clip((a * x * x + 2 * b * x * y + c * y * y) / 2, 0, 700)


def _model(parameters, dx, dy):
    """Pixels, and their derivatives by the nine parameters, of shape (n, 9, pixels)."""
    amplitude, x0, y0, a, b, c, level, along_x, along_y = parameters.T[..., None]
    x, y = dx - x0, dy - y0
    peak = np.exp(-_form(parameters, dx, dy))
    gaussian = amplitude * peak
    one = np.ones_like(gaussian)
    jacobian = np.stack(
        [
            peak,
            gaussian * (a * x + b * y),
            gaussian * (b * x + c * y),
            -gaussian * x * x / 2,
            -gaussian * x * y,
            -gaussian * y * y / 2,
            one,
            dx * one,
            dy * one,
        ],
        axis=1,
    )
    return gaussian + level + along_x * dx + along_y * dy, jacobian
