"""`PCAResidual` and `PCAMahalanobis`: principal component analysis of normal stamps."""

import numpy as np

from astro_wgan.bands.trained_bands import check_trained_bands, trained_bands
from astro_wgan.baselines.baseline import Baseline, import_sklearn
from astro_wgan.baselines.image_batches import score_stamps, stretched
from astro_wgan.stamps.consistency import size_advice
from astro_wgan.stamps.intensity.fitted_stretch import fitted_stretch
from astro_wgan.store.stamp_inputs import as_stamps

__all__ = ['PCAMahalanobis', 'PCAResidual']

# The examples need an optional package.
__doctest_requires__ = {'*': ['sklearn']}

#: Number of fits to stamps with masked pixels, which are replaced by their reconstruction.
_N_ITERATIONS = 6


class _PrincipalComponents(Baseline):
    """Stretch, principal components, and the coordinates of stamps along them."""

    def __init__(self, *, n_components, stretch, max_stamps, seed):
        for name, number in (('n_components', n_components), ('max_stamps', max_stamps)):
            if number < 1:
                raise ValueError(f'`{name}` must be at least 1; got {number}.')
        self.n_components = n_components
        self.stretch = stretch
        self.max_stamps = max_stamps
        self.seed = seed

    def fit(self, stamps):
        """
        Find the principal components.

        Parameters
        ----------
        stamps : `~astro_wgan.StampSet`, `~astro_wgan.store.StampStore` or path-like
            Normal stamps, all that `~astro_wgan.store.as_stamps` takes. A random sample of at most
            ``max_stamps`` is read; stamps without any valid pixel are left out.

        Returns
        -------
        self

        Raises
        ------
        ValueError
            If there are not more stamps and pixels than components.
        ImportError
            If scikit-learn is not installed.
        """
        decomposition = import_sklearn('decomposition')
        stamps = as_stamps(stamps)
        self.stretch_ = fitted_stretch(self.stretch, stamps, seed=self.seed)
        sample = next(stamps.batches(self.max_stamps, shuffle=True, seed=self.seed))
        images, valid = stretched(sample, self.stretch_)
        has_valid = valid.any(axis=(1, 2, 3))
        images, valid = (a[has_valid].reshape(-1, a[0].size) for a in (images, valid))
        if not min(images.shape) > self.n_components:
            raise ValueError(
                '`n_components` must be below the numbers of stamps and of pixels; got '
                f'{self.n_components} for '
                f'{images.shape[0]} stamps of {images.shape[1]} pixels.'
            )
        pca = decomposition.PCA(self.n_components, svd_solver='randomized', random_state=self.seed)
        self.shape_ = (*stamps.shape, stamps.n_bands or 1)
        self.bands_ = trained_bands(stamps)
        for _ in range(1 if valid.all() else _N_ITERATIONS):
            # The explained fraction of the variance is undefined for constant stamps.
            with np.errstate(invalid='ignore'):
                pca.fit(images)
            self.mean_ = pca.mean_
            self.components_ = pca.components_
            self.explained_variance_ = pca.explained_variance_
            self.noise_variance_ = float(np.nan_to_num(pca.noise_variance_))
            if not valid.all():
                # Masked pixels become the reconstruction from the others, instead of the median.
                coordinates = self._project(images, valid)[2]
                images = np.where(valid, images, self.mean_ + coordinates @ self.components_)
        return self

    def score(self, stamps, *, progress=True):
        """
        Score each stamp.

        Parameters
        ----------
        stamps : `~astro_wgan.StampSet`, `~astro_wgan.store.StampStore` or path-like
            Stamps of the size and number of bands of the fit.
        progress : bool, optional
            Show a progress line.

        Returns
        -------
        `~astropy.table.QTable`
            ``id``, ``score``, and ``valid_fraction``, the fraction of pixels that are not masked.
            If it is 0 the score is NaN.

        Raises
        ------
        NotFittedError
            If `fit` was not called.
        ValueError
            If the stamps have another size or number of bands, or bands of other names or in
            another order.
        """
        self._check_fitted('components_')
        stamps = as_stamps(stamps)
        if (*stamps.shape, stamps.n_bands or 1) != self.shape_:
            ny, nx, bands = self.shape_
            raise ValueError(
                f'`stamps` must have {len(self.mean_)} pixels, all bands counted, as those of the '
                f'fit, {ny} x {nx} in {bands} band(s); got {stamps.shape[0]} x {stamps.shape[1]} '
                f'in {stamps.n_bands or 1}. {size_advice(stamps, (ny, nx))}'.rstrip()
            )
        check_trained_bands(stamps, self.bands_)
        return score_stamps(stamps, self.stretch_, self._measure, 'scikit-learn', progress=progress)

    def _project(self, images, valid):
        """
        Deviations from the mean, and coordinates of the best fit to the valid pixels.

        With masked pixels it is the most probable one, given the variance of normals along each
        component, so that noise does not determine components that the valid pixels hardly
        constrain.
        """
        deviations = images.reshape(len(images), -1) - self.mean_
        valid = valid.reshape(len(images), -1)
        coordinates = deviations @ self.components_.T
        damping = np.diag(self.noise_variance_ / self._variance)
        for k in np.flatnonzero(~valid.all(axis=1) & valid.any(axis=1)):
            visible = self.components_[:, valid[k]]
            coordinates[k] = np.linalg.lstsq(
                visible @ visible.T + damping, visible @ deviations[k, valid[k]], rcond=None
            )[0]
        return deviations, valid, coordinates

    @property
    def _variance(self):
        """Variance along each component, with that of rounding errors as minimum."""
        minimum = np.finfo(np.float32).eps * max(
            self.explained_variance_.max(), np.finfo(np.float32).tiny
        )
        return np.maximum(self.explained_variance_, minimum)


class PCAResidual(_PrincipalComponents):
    """
    Residual of a stamp after a fit of the principal components of normal stamps.

    Parameters
    ----------
    n_components : int, optional
        Number of components; too many also represent anomalies.
    stretch : `~astro_wgan.stamps.Stretch`, optional
        Intensity scaling; asinh by default. A stretch that has not been fitted is fitted by `fit`.
    max_stamps : int, optional
        Maximum number of stamps that the components are computed from, in memory.
    seed : int, optional
        Seed of the sample of stamps and of the randomized decomposition.

    Attributes
    ----------
    stretch_ : `~astro_wgan.stamps.Stretch`
        The fitted stretch.
    mean_ : `~numpy.ndarray`, shape (n_pixels,)
        Mean image.
    components_ : `~numpy.ndarray`, shape (n_components, n_pixels)
        Principal components.
    explained_variance_ : `~numpy.ndarray`, shape (n_components,)
        Variance along each component.
    noise_variance_ : float
        Variance of a pixel outside of the components.
    shape_ : tuple of int
        Shape of the stamps, with the number of bands.
    bands_ : tuple of `~astro_wgan.stamps.Band`
        Bands of the stamps; empty if they have no names.

    Raises
    ------
    ValueError
        If ``n_components`` or ``max_stamps`` is below 1.

    Notes
    -----
    The score is the root mean square residual over the valid pixels, in stretched intensity.
    Masked pixels are used neither for the components, nor for their fit to a stamp, nor for the
    residual.

    Examples
    --------
    >>> import numpy as np
    >>> from astro_wgan import StampSet
    >>> from astro_wgan.baselines import PCAResidual
    >>> pixels = np.random.default_rng(1).normal(size=(200, 16, 16))
    >>> pixels[:, 6:10, 6:10] += 100
    >>> pixels[3, 1:4, 1:4] += 100
    >>> table = PCAResidual(n_components=2).fit(StampSet(pixels[4:])).score(StampSet(pixels))
    >>> int(table['score'].argmax())
    3
    """

    def __init__(self, *, n_components=10, stretch=None, max_stamps=10_000, seed=0):
        super().__init__(
            n_components=n_components, stretch=stretch, max_stamps=max_stamps, seed=seed
        )

    def _measure(self, images, valid):
        deviations, valid, coordinates = self._project(images, valid)
        squares = np.where(valid, deviations - coordinates @ self.components_, 0) ** 2
        return np.sqrt(squares.sum(axis=1) / np.maximum(1, valid.sum(axis=1)))


class PCAMahalanobis(_PrincipalComponents):
    """
    Mahalanobis distance of a stamp along the principal components of normal stamps.

    Parameters
    ----------
    n_components : int, optional
        Number of components; more than for `PCAResidual` are needed to detect companions.
    stretch, max_stamps, seed : optional
        As in `PCAResidual`.

    Attributes
    ----------
    stretch_, mean_, components_, explained_variance_, noise_variance_, shape_, bands_
        As in `PCAResidual`.

    Notes
    -----
    The score is the square root of the sum of squared coordinates, each in units of its standard
    deviation among the normal stamps; for these the mean squared score is the number of components.
    It does not depend on the residual from the components.

    Examples
    --------
    >>> import numpy as np
    >>> from astro_wgan import StampSet
    >>> from astro_wgan.baselines import PCAMahalanobis
    >>> rng = np.random.default_rng(1)
    >>> pixels = rng.normal(size=(200, 16, 16))
    >>> pixels[:, 6:10, 6:10] += rng.uniform(50, 200, size=(200, 1, 1))
    >>> pixels[3, 6:10, 6:10] += 1000
    >>> table = PCAMahalanobis(n_components=2).fit(StampSet(pixels[4:])).score(StampSet(pixels))
    >>> int(table['score'].argmax())
    3
    """

    def __init__(self, *, n_components=40, stretch=None, max_stamps=10_000, seed=0):
        super().__init__(
            n_components=n_components, stretch=stretch, max_stamps=max_stamps, seed=seed
        )

    def _measure(self, images, valid):
        coordinates = self._project(images, valid)[2]
        return np.sqrt((coordinates**2 / self._variance).sum(axis=1))
