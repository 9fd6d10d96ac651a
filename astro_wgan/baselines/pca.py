"""`PCAResidual`, `PCAMahalanobis`: stamps among the principal components of normal ones."""

import numpy as np

from astro_wgan.baselines.checks import check_fitted, import_sklearn
from astro_wgan.baselines.image_batches import score_stamps, stretched
from astro_wgan.stamps.size_advice import size_advice
from astro_wgan.stamps.stretch import Stretch, fitted_stretch

__all__ = ['PCAMahalanobis', 'PCAResidual']

# The examples need what an extra brings.
__doctest_requires__ = {'*': ['sklearn']}

#: Of components fitted to stamps with masked pixels, which then are what the components say.
_ROUNDS = 6


class _PrincipalComponents:
    """What both have in common: stretch, components, and where a stamp lies among them."""

    def __init__(self, *, components, stretch, sample, seed):
        if components < 1:
            raise ValueError(f'`components` must be at least 1; got {components}.')
        if sample < 1:
            raise ValueError(f'`sample` must be at least 1; got {sample}.')
        self.components = components
        self.stretch = Stretch() if stretch is None else stretch
        self.sample = sample
        self.seed = seed

    def fit(self, stamps):
        """
        Find the components.

        Parameters
        ----------
        stamps : `~astro_wgan.StampSet` or `~astro_wgan.store.StampStore`
            Normal stamps, of which at most ``sample`` are read, at random; those without any
            valid pixel do not count.

        Returns
        -------
        self

        Raises
        ------
        ValueError
            If there are not more stamps than components.
        ImportError
            If scikit-learn is not installed.
        """
        import_sklearn()
        from sklearn.decomposition import PCA

        self.stretch_ = fitted_stretch(self.stretch, stamps, seed=self.seed)
        sample = next(stamps.batches(self.sample, shuffle=True, seed=self.seed))
        images, valid = stretched(sample, self.stretch_)
        seeing = valid.any(axis=(1, 2, 3))
        images, valid = (a[seeing].reshape(-1, a[0].size) for a in (images, valid))
        if not min(images.shape) > self.components:
            raise ValueError(
                f'`components` must be fewer than stamps and pixels; got {self.components} for '
                f'{images.shape[0]} stamps of {images.shape[1]} pixels.'
            )
        pca = PCA(self.components, svd_solver='randomized', random_state=self.seed)
        self.shape_ = (*stamps.shape, stamps.bands or 1)
        for _ in range(1 if valid.all() else _ROUNDS):
            # Constant stamps have no variance of which each component could explain a share.
            with np.errstate(invalid='ignore'):
                pca.fit(images)
            self.mean_ = pca.mean_
            self.components_ = pca.components_
            self.variance_ = pca.explained_variance_
            self._noise_variance = float(np.nan_to_num(pca.noise_variance_))
            if not valid.all():
                # A masked pixel is what the components make of the others, not the stamp's median.
                coordinates = self._project(images, valid)[2]
                images = np.where(valid, images, self.mean_ + coordinates @ self.components_)
        return self

    def score(self, stamps, *, progress=True):
        """
        Score each stamp.

        Parameters
        ----------
        stamps : `~astro_wgan.StampSet` or `~astro_wgan.store.StampStore`
            Of the size and the bands of the fit.
        progress : bool, optional
            Show a progress line.

        Returns
        -------
        `~astropy.table.QTable`
            ``id``, ``score`` and ``valid``, the share of pixels that are not masked. Where that
            is 0 the score is NaN.

        Raises
        ------
        NotFittedError
            If `fit` was not called.
        ValueError
            If the stamps have another size, or other bands.
        """
        check_fitted(self, 'components_')
        if (*stamps.shape, stamps.bands or 1) != self.shape_:
            ny, nx, bands = self.shape_
            raise ValueError(
                f'`stamps` must have {len(self.mean_)} pixels, all bands counted, as those of the '
                f'fit, {ny} x {nx} in {bands} band(s); got {stamps.shape[0]} x {stamps.shape[1]} '
                f'in {stamps.bands or 1}. {size_advice(stamps, (ny, nx))}'.rstrip()
            )
        return score_stamps(stamps, self.stretch_, self._measure, 'scikit-learn', progress=progress)

    def _project(self, images, valid):
        """
        Deviations from the mean, and coordinates of the best fit to the valid pixels.

        With masked pixels it is the likeliest one, given how normals scatter along each component:
        one that the pixels left hardly show is not thrown far off by their noise.
        """
        deviations = images.reshape(len(images), -1) - self.mean_
        valid = valid.reshape(len(images), -1)
        coordinates = deviations @ self.components_.T
        damping = np.diag(self._noise_variance / self._scatter)
        for k in np.flatnonzero(~valid.all(axis=1) & valid.any(axis=1)):
            seen = self.components_[:, valid[k]]
            coordinates[k] = np.linalg.lstsq(
                seen @ seen.T + damping, seen @ deviations[k, valid[k]], rcond=None
            )[0]
        return deviations, valid, coordinates

    @property
    def _scatter(self):
        """Variance along each component; beyond what normals vary in it is that of rounding."""
        least = np.finfo(np.float32).eps * max(self.variance_.max(), np.finfo(np.float32).tiny)
        return np.maximum(self.variance_, least)


class PCAResidual(_PrincipalComponents):
    """
    What is left of a stamp when the principal components of normal stamps are fitted to it.

    Parameters
    ----------
    components : int, optional
        How many; more of them explain the anomalies too.
    stretch : `~astro_wgan.stamps.Stretch`, optional
        The intensity scaling; fitted by `fit` if it is not yet. By default asinh.
    sample : int, optional
        Stamps that the components are found from, at most: they are in memory.
    seed : int, optional
        Seed of that sample and of the randomised decomposition.

    Attributes
    ----------
    stretch_ : `~astro_wgan.stamps.Stretch`
        Fitted.
    mean_, components_, variance_ : `~numpy.ndarray`
        Mean image, components (components, pixels), and variance along each.

    Notes
    -----
    The score is the root mean square residual over the valid pixels, in stretched intensity.
    Masked pixels count neither in the components, nor in their fit to a stamp, nor in the residual.

    Examples
    --------
    >>> import numpy as np
    >>> from astro_wgan import StampSet
    >>> from astro_wgan.baselines import PCAResidual
    >>> pixels = np.random.default_rng(1).normal(size=(200, 16, 16))
    >>> pixels[:, 6:10, 6:10] += 100
    >>> pixels[3, 1:4, 1:4] += 100
    >>> table = PCAResidual(components=2).fit(StampSet(pixels[4:])).score(StampSet(pixels))
    >>> int(table['score'].argmax())
    3
    """

    def __init__(self, *, components=10, stretch=None, sample=10_000, seed=0):
        super().__init__(components=components, stretch=stretch, sample=sample, seed=seed)

    def _measure(self, images, valid):
        deviations, valid, coordinates = self._project(images, valid)
        squares = np.where(valid, deviations - coordinates @ self.components_, 0) ** 2
        return np.sqrt(squares.sum(axis=1) / np.maximum(1, valid.sum(axis=1)))


class PCAMahalanobis(_PrincipalComponents):
    """
    How far from the mean a stamp lies among the principal components of normal stamps.

    Parameters
    ----------
    components : int, optional
        How many; it takes more of them than `PCAResidual` to see a companion.
    stretch, sample, seed : optional
        As in `PCAResidual`.

    Attributes
    ----------
    stretch_, mean_, components_, variance_
        As in `PCAResidual`.

    Notes
    -----
    The score is the Mahalanobis distance: the root of the sum of squared coordinates, each in
    units of its standard deviation among the normal stamps, for which the mean of the squared
    score is the number of components. It does not see what lies outside of the components.

    Examples
    --------
    >>> import numpy as np
    >>> from astro_wgan import StampSet
    >>> from astro_wgan.baselines import PCAMahalanobis
    >>> rng = np.random.default_rng(1)
    >>> pixels = rng.normal(size=(200, 16, 16))
    >>> pixels[:, 6:10, 6:10] += rng.uniform(50, 200, size=(200, 1, 1))
    >>> pixels[3, 6:10, 6:10] += 1000
    >>> table = PCAMahalanobis(components=2).fit(StampSet(pixels[4:])).score(StampSet(pixels))
    >>> int(table['score'].argmax())
    3
    """

    def __init__(self, *, components=40, stretch=None, sample=10_000, seed=0):
        super().__init__(components=components, stretch=stretch, sample=sample, seed=seed)

    def _measure(self, images, valid):
        coordinates = self._project(images, valid)[2]
        return np.sqrt((coordinates**2 / self._scatter).sum(axis=1))
