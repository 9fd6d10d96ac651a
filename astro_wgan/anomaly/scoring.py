"""`ScoringConfig`: the formula of the anomaly score."""

from dataclasses import dataclass

from astro_wgan.anomaly.combined_score import (
    COLOR,
    STATISTICS,
    fit_normals,
    further_terms,
    score_terms,
)
from astro_wgan.validation.config_numbers import check_finite_numbers, check_whole_numbers

__all__ = ['ScoringConfig']

_WEIGHTS = ('injection_weight', 'residual_weight', 'absolute_weight', 'critic_weight')


@dataclass(frozen=True)
class ScoringConfig:
    r"""
    Configuration of the anomaly score.

    Parameters
    ----------
    statistic : {'smoothed_residual', 'residual_loss', 'feature_loss', 'paper_score'}
        Main term of the score, a column of `~astro_wgan.anomaly.measure_residual_statistics`: the
        smoothed residual S, the terms L_R and L_F of the latent search, or the score of the paper,
        L_A.
    smoothing : float
        Standard deviation in pixels of the Gaussian kernel that smooths the residual. That of the
        PSF or slightly more is best; 0 for no smoothing.
    weight_sigma : float or None
        Standard deviation of a Gaussian weight centered on the stamp, as a fraction of its edge;
        None for uniform weights. Affects S alone.
    by_brightness : bool
        Compare each stamp with normal stamps of the same brightness. Bright galaxies have larger
        residuals of every kind, so that a single threshold would select them rather than anomalies.
        Otherwise the score is the statistic itself.
    rotation_smoothing : float
        Standard deviation in pixels of the kernel that smooths stamp and closest image for the
        rotation residual T. It may be larger than the PSF, as companions are.
    rotation_shift : int
        Largest shift in pixels at which stamp and rotated image are compared: 1 for sources that
        are centered to half a pixel. A detector takes more for a model whose training was shifted
        (``max_shift`` of `~astro_wgan.wgan.TrainingConfig`), since a rotation doubles an offset.
    rotation_margin : float or None
        Number of standard deviations above normals beyond which T contributes to the score; None
        to leave it out, as without ``by_brightness``. The generator may reproduce a companion.
        Comparing the stamp with its closest image rotated by 180 deg doubles such a residual.
    peak_margin : float or None
        The same for the peak residual P, which responds to features sharper than the PSF: hot
        pixels, satellite trails, bad edges.
    color_smoothing : float
        Standard deviation in pixels of the kernel that smooths the residual of each band for the
        color residual C, which stamps in several bands have.
    color_weight : float
        Factor of the deviation of C, which is the score of a stamp where that is higher; 0 to leave
        it out, as without ``by_brightness``. In the other terms a wrong color of a part of a galaxy
        is diluted by what is left of it in all bands.
    injection_weight, residual_weight, absolute_weight, critic_weight, features_weight : float
        Weights of the terms of a detector with a classifier of injected anomalies, or with
        features: the log odds of the classifier, the residuals compared with those of normals of
        the same brightness, the statistic and T compared with those of all normals, the value of
        the critic, and the distance of the features. Without both, or without ``by_brightness``,
        they have no effect.

    Raises
    ------
    ValueError
        If a value is out of range, or the first four of these weights are all 0.

    Notes
    -----
    **The score**

    .. math::

       A = \max\left[t_S + H(t_T - m_T) + H(t_P - m_P),\; w_C t_C\right]

    where :math:`t_S`, :math:`t_T`, :math:`t_P` and :math:`t_C` are the deviations of S, T, P and C
    from normal stamps of the same brightness, in standard deviations (see `BrightnessTrend`), and
    :math:`w_C` is ``color_weight``. With one band there is no C, and A is the first of the two. The
    margins :math:`m_T` and :math:`m_P` are ``rotation_margin`` and ``peak_margin``, each replaced
    by the 99th percentile of the normals where that is lower, and

    .. math::

       H(e) = \begin{cases} 0 & e \le 0 \\ e^2 & 0 < e \le 1.5 \\ 3 e - 2.25 & e > 1.5 \end{cases}

    (twice the Huber loss). A term that cannot be measured contributes nothing; without S there is
    no score (NaN). If a fraction f < 2/3 of a stamp is used (column ``used_fraction``), positive
    deviations are multiplied by :math:`1 - (1 - \frac{3}{2} f)^2`: masked pixels are filled with
    an estimate, whose errors are not anomalies.

    **With a classifier or features**

    If the measurements have ``injection_log_odds`` or ``features``, A is one of several terms:

    .. math::

       A' = w_I L(t_\lambda) + w_R L(A) + \frac{w_A}{2} \left[L(\ln S) + L(\ln T)\right]
            + w_V L(-C(x)) + w_F L(t_D), \qquad L(v) = -\log_{10} p(v)

    where p(v) is the probability that a normal stamp has a value at least as high (see
    `~astro_wgan.anomaly.calibration.tail_probability.TailProbability`), :math:`t_\lambda` is the
    deviation of the log odds from those of normals of the same brightness, C(x) is the value of the
    critic, and :math:`t_D` is the deviation of the distance of the
    features from those of normals (`~astro_wgan.features.FeatureDistance`). The weights are
    ``injection_weight``, ``residual_weight``, ``absolute_weight``, ``critic_weight`` and
    ``features_weight``. Logarithms of probabilities put quantities of different units and
    distributions on one scale, and their sum is that of Fisher's method for independent tests. Low
    values of the critic are those of images unlike the normals that it was trained on; high ones
    are not strange. A term that cannot be measured contributes nothing, but without S there is no
    score; for an incomplete stamp all but that of A are multiplied by the factor above, which A
    already contains.

    **Its terms**

    With the stamp x, its closest image :math:`\hat x = G(z)`, the residual
    :math:`r = x - \hat x`, the weights :math:`w_i` of the pixels i of all bands, and the
    convolution :math:`g_s *` with a Gaussian kernel of standard deviation s in pixels:

    .. math::

       S &= \frac{\sum_i a_i |s_i|}{\sum_i a_i}, \qquad
       s = \frac{g_\sigma * (w r)}{g_\sigma * w}, \qquad
       a_i = w_i \exp\left[-\frac{1}{2 \rho^2}
             \left(\frac{\Delta x_i^2}{n_x^2} + \frac{\Delta y_i^2}{n_y^2}\right)\right]

       T &= \min_{|d_x|, |d_y| \le d} \sqrt{\frac{1}{N} \sum_{x, y}
            \left[(g_\tau * x)(x, y)
            - (g_\tau * \hat x)(n_x - 1 - x - d_x, n_y - 1 - y - d_y)\right]^2}

       P &= \max_{i: w_i > 0} \sqrt{w_i} \, |r_i - s_i|

       C &= \sqrt{\frac{1}{\sum_i a_i} \sum_i a_i \frac{B}{B - 1} (c_i - \bar c_i)^2}, \qquad
            c = \frac{g_\kappa * (w r)}{g_\kappa * w}

       L_R &= \frac{\sum_i w_i |r_i|}{\sum_i w_i}, \qquad
       L_F = \frac{1}{K} \sum_{k=1}^{K} |c_k(x) - c_k(\hat x + n)|, \qquad
       L_A = \gamma L_R + (1 - \gamma) L_F

    Here :math:`\sigma` is ``smoothing``, :math:`\rho` ``weight_sigma``, :math:`\tau`
    ``rotation_smoothing``, d ``rotation_shift``, :math:`\kappa` ``color_smoothing``,
    :math:`\bar c_i` the weighted mean of c over the B bands at the position of i,
    :math:`\Delta x_i` and :math:`\Delta y_i` are offsets from the center, :math:`n_x` and
    :math:`n_y` the edges of the stamp in pixels, N the number of pixels that are not within d
    pixels of its border, :math:`c_k` the K features of the critic, :math:`\gamma` that of
    `~astro_wgan.anomaly.LatentSearchConfig`, and n one draw of the noise of the model if its
    generator makes images without noise, otherwise 0. S, T, P, C, L_R, L_F and L_A are in units of
    the stretched intensity, of which 0 is the sky and 1 the peak of the training set; A and all t
    are in standard deviations, and :math:`A'` in decades of probability. How masked pixels and
    uncertainties enter is described on the page "The anomaly score" of the documentation.

    Examples
    --------
    >>> from astro_wgan.anomaly import ScoringConfig
    >>> ScoringConfig().columns
    ('smoothed_residual', 'rotation_residual', 'peak_residual', 'color_residual')
    >>> ScoringConfig.paper().columns
    ('paper_score',)
    """

    statistic: str = 'smoothed_residual'
    smoothing: float = 1.5
    weight_sigma: float | None = 0.18
    by_brightness: bool = True
    rotation_smoothing: float = 3.5
    rotation_margin: float | None = 0.9
    peak_margin: float | None = 3.0
    color_smoothing: float = 1.0
    color_weight: float = 2.0
    rotation_shift: int = 1
    injection_weight: float = 1.0
    residual_weight: float = 0.75
    absolute_weight: float = 0.25
    critic_weight: float = 0.25
    features_weight: float = 1.0

    def __post_init__(self):
        if self.statistic not in STATISTICS:
            raise ValueError(f'`statistic` must be one of {STATISTICS}; got {self.statistic!r}.')
        smoothing = ('smoothing', 'rotation_smoothing', 'color_smoothing')
        not_negative = (*smoothing, 'color_weight', *_WEIGHTS, 'features_weight')
        optional = ('weight_sigma', 'rotation_margin', 'peak_margin')
        check_whole_numbers(self, {'rotation_shift': 1})
        check_finite_numbers(self, not_negative, optional=optional)
        for name in not_negative:
            if not getattr(self, name) >= 0:
                raise ValueError(f'`{name}` must not be negative; got {getattr(self, name)}.')
        if not any(getattr(self, name) for name in _WEIGHTS):
            raise ValueError(
                '`injection_weight`, `residual_weight`, `absolute_weight` and `critic_weight` '
                'must not all be 0.'
            )
        if self.weight_sigma is not None and not self.weight_sigma > 0:
            raise ValueError(f'`weight_sigma` must be above 0, or None; got {self.weight_sigma}.')

    @classmethod
    def paper(cls):
        """The score of Margalef-Bentabol et al. 2020, section 3.5, unchanged."""
        return cls(
            'paper_score',
            smoothing=0.0,
            weight_sigma=None,
            by_brightness=False,
            rotation_smoothing=0.0,
            rotation_margin=None,
            peak_margin=None,
            color_weight=0.0,
            injection_weight=0.0,
            absolute_weight=0.0,
            critic_weight=0.0,
            features_weight=0.0,
        )

    def check_size(self, size):
        """
        Refuse smoothing and shifts for which images are too small.

        Parameters
        ----------
        size : int
            Edge of the images in pixels.

        Raises
        ------
        ValueError
            If ``rotation_shift`` leaves no pixel, or a kernel is wider than the images.
        """
        if 2 * self.rotation_shift >= size:
            raise ValueError(
                '`rotation_shift` of the scoring must be less than half of the size of the images, '
                f'{size} pixels; got {self.rotation_shift}.'
            )
        for name in ('smoothing', 'rotation_smoothing', 'color_smoothing'):
            if getattr(self, name) > size:
                raise ValueError(
                    f'`{name}` of the scoring must be at most the size of the images, {size} '
                    f'pixels; got {getattr(self, name)}.'
                )

    def measure(self, images, closest_images, weights=None, *, noise=None):
        """
        Residual statistics S, T, P and C of each image.

        Parameters
        ----------
        images, closest_images : array_like, shape (n, ny, nx, bands)
            In stretched intensity.
        weights : array_like, shape (n, ny, nx, bands), optional
            Weight of each pixel; by default, all are 1.
        noise : callable, optional
            Realizations of the noise, for images with masked pixels: see
            `~astro_wgan.anomaly.residuals.measure_residuals`.

        Returns
        -------
        dict of `~numpy.ndarray`, shape (n,)
            ``smoothed_residual``, ``peak_residual`` and ``rotation_residual``; with several bands
            ``color_residual``.
        """
        found = self.residual_terms(images, closest_images, weights, noise=noise)
        return {name: values.numpy().astype(float) for name, values in found.items()}

    def residual_terms(self, images, closest_images, weights=None, *, noise=None):
        """As `measure`, each a `tf.Tensor` of float32; in a `tf.function`, part of its graph."""
        # Imported here, since the configuration needs no TensorFlow.
        from astro_wgan.anomaly.color_residual import measure_color_residual
        from astro_wgan.anomaly.residuals import measure_residuals

        arguments = images, closest_images, weights
        window = {**self.window, 'rotation_shift': self.rotation_shift}
        found = measure_residuals(*arguments, **window, noise=noise)
        if images.shape[3] > 1:
            found['color_residual'] = measure_color_residual(
                *arguments,
                smoothing=self.color_smoothing,
                weight_sigma=self.weight_sigma,
                noise=noise,
            )
        return found

    def anomaly_map(self, residuals, weights):
        """
        Contribution of each pixel to the smoothed residual.

        Parameters
        ----------
        residuals, weights : `~numpy.ndarray`, shape (n, ny, nx, bands)
            In stretched intensity, and the weight of each pixel.

        Returns
        -------
        `~numpy.ndarray`, shape (n, ny, nx, bands)
            The sum over an image is its ``smoothed_residual``.
        """
        # Imported here, since the configuration needs no TensorFlow.
        from astro_wgan.anomaly.residuals import map_smoothed_residual

        return map_smoothed_residual(
            residuals, weights, smoothing=self.smoothing, weight_sigma=self.weight_sigma
        )

    def fit_trends(self, measurements, *, n_normals=None):
        """
        Fit the distributions of each term for normal stamps.

        Parameters
        ----------
        measurements : `~astropy.table.QTable`
            Normal stamps, from `~astro_wgan.anomaly.measure_residual_statistics`.
        n_normals : int, optional
            As for `BrightnessTrend.fit`.

        Returns
        -------
        dict
            For `score`: a `BrightnessTrend` for each of `columns`. With ``injection_log_odds`` also
            a `~astro_wgan.anomaly.calibration.tail_probability.TailProbability` for ``residual``
            (the sum of the deviations), ``injection``, ``absolute_statistic``,
            ``absolute_rotation`` and ``critic``, and with ``features`` for ``features``, beside
            what their distance follows from. Empty without ``by_brightness``.
        """
        return fit_normals(self, measurements, n_normals=n_normals)

    def score(self, measurements, trends):
        """
        Anomaly score of each row.

        Parameters
        ----------
        measurements : `~astropy.table.QTable`
            From `~astro_wgan.anomaly.measure_residual_statistics`.
        trends : dict
            From `fit_trends`.

        Returns
        -------
        `~numpy.ndarray`, shape (n,)
            NaN where the statistic is NaN.
        """
        return score_terms(self, measurements, trends)[0]

    def contributions(self, measurements, trends):
        """
        What each term contributes to the score of each row.

        Parameters
        ----------
        measurements, trends
            As for `score`.

        Returns
        -------
        dict of `~numpy.ndarray`, shape (n,)
            ``score_smoothed_residual`` (or another statistic), ``score_rotation_residual``,
            ``score_peak_residual``, with several bands ``score_color_residual``, with a classifier
            ``score_injection`` and ``score_critic``, and with features ``score_features``; NaN
            where there is no score. Their sum is the score. Empty without ``by_brightness``.

        Notes
        -----
        Without a classifier these are :math:`t_S`, the two H, and by how much the color residual is
        above their sum. With one, the term of A is divided among these in proportion to their
        positive parts; if none is positive, it is all that of S. Those of S and T alone are added.
        """
        return score_terms(self, measurements, trends)[1]

    def window_of(self, bands):
        """Smoothing and weights that measurements of images in so many bands depend on."""
        window = {**self.window}
        # As measurements had it before there were others.
        if bands > 1:
            window['color_smoothing'] = self.color_smoothing
        if self.rotation_shift > 1:
            window['rotation_shift'] = self.rotation_shift
        return window

    @property
    def window(self):
        """Smoothing and weights for `~astro_wgan.anomaly.residuals.measure_residuals`."""
        return {
            'smoothing': self.smoothing,
            'rotation_smoothing': self.rotation_smoothing,
            'weight_sigma': self.weight_sigma,
        }

    @property
    def columns(self):
        """
        Columns of the measurements that the residual terms of the score are computed from.

        Stamps in one band have no ``color_residual``.
        """
        if not self.by_brightness:
            return (self.statistic,)
        return (self.statistic, *self.margins, *((COLOR,) if self.color_weight else ()))

    @property
    def margins(self):
        """Terms that contribute beyond a margin, and the margin of each."""
        margins = {
            'rotation_residual': self.rotation_margin,
            'peak_residual': self.peak_margin,
        }
        return {name: margin for name, margin in margins.items() if margin is not None}

    @property
    def further_terms(self):
        """Terms beside the residuals that a detector with a classifier or features has."""
        return further_terms(self)
