"""`LatentSearchConfig`: initialization, losses, optimizer and stopping of a latent search."""

from dataclasses import dataclass, replace
from typing import NamedTuple

__all__ = ['ENCODER_ONLY', 'LatentSearchConfig']

_PRECISIONS = ('float32', 'mixed_bfloat16')


class _Defaults(NamedTuple):
    """Defaults of the arguments of the same name."""

    optimizer: str
    learning_rate: float
    patience: int


#: By initialization; the first is that of `LatentSearchConfig.optimizer`. The weights of mu are too
#: many for an inverse Hessian, and the encoder's z needs few iterations.
_DEFAULTS = {
    'zeros': (_Defaults('bfgs', 0.5, 10), _Defaults('adam', 0.1, 20)),
    'mu': (_Defaults('adam', 0.001, 50),),
    'encoder': (_Defaults('bfgs', 0.5, 4), _Defaults('adam', 0.1, 10)),
}


@dataclass(frozen=True)
class LatentSearchConfig:
    """
    Configuration of the search for the closest image.

    Parameters
    ----------
    init : {'zeros', 'mu', 'encoder'}
        Initialization, and what is optimized. ``'zeros'``: z itself, from 0, the center of its
        distribution. ``'mu'``: as in the paper, the weights of a network of two fully connected
        layers that maps a fixed noise vector y to z. ``'encoder'``: z itself, from the prediction
        of a trained encoder; with ``max_iterations=1`` the prediction is used without optimization.
    gamma : float
        Weight of the residual loss against the feature loss, 0 to 1.
    optimizer : {'bfgs', 'adam'}, optional
        By default ``'bfgs'`` for z and ``'adam'`` for the weights of mu, for which BFGS is not
        available.
    learning_rate : float, optional
        Learning rate of Adam, by default 0.1 for z and 0.001 for the weights of mu; maximum step
        length of BFGS, by default 0.5.
    max_iterations : int
        Maximum number of iterations.
    tolerance : float
        Stop when the loss has decreased by less than ``tolerance`` (relative) for ``patience``
        iterations.
    patience : int, optional
        By default 10 for BFGS and 20 for Adam with ``'zeros'``, 4 and 10 with ``'encoder'``, and 50
        with ``'mu'``.
    precision : {'float32', 'mixed_bfloat16'}
        Precision of generator and critic during the search. The second is faster on hardware with
        units for it (processors with AMX, GPUs) and reaches the same losses. Losses and closest
        images of the result are computed in float32 in any case.
    batch_size : int
        Number of images that are optimized at the same time; affects speed and memory, not results.
        A GPU is given more images at a time for the prediction of the encoder.
    seed : int
        Seed of y and of the initial weights of mu. These are the same for all images, so that the
        score of an image is independent of the other images in the batch.

    Raises
    ------
    ValueError
        If a value is out of range.

    Notes
    -----
    Margalef-Bentabol et al. 2020, section 3.5, after Schlegl et al. 2017 (arXiv:1703.05921). The
    paper gives gamma = 0.7 and about 500 iterations, but not the layers of mu, its optimizer or the
    normalization of the losses. Here mu has as many hidden units as z has dimensions, and all
    losses are means, over pixels and over features.

    Examples
    --------
    >>> from astro_wgan.anomaly import LatentSearchConfig
    >>> config = LatentSearchConfig(init='encoder').with_defaults()
    >>> config.optimizer, config.learning_rate, config.patience
    ('bfgs', 0.5, 4)
    """

    init: str = 'zeros'
    gamma: float = 0.7
    optimizer: str | None = None
    learning_rate: float | None = None
    max_iterations: int = 500
    tolerance: float = 0.01
    patience: int | None = None
    precision: str = 'float32'
    batch_size: int = 128
    seed: int = 0

    def __post_init__(self):
        if self.init not in _DEFAULTS:
            raise ValueError(f'`init` must be one of {sorted(_DEFAULTS)}; got {self.init!r}.')
        allowed = sorted(defaults.optimizer for defaults in _DEFAULTS[self.init])
        if self.optimizer is not None and self.optimizer not in allowed:
            raise ValueError(
                f'`optimizer` with `init={self.init!r}` must be one of {allowed}; '
                f'got {self.optimizer!r}.'
            )
        if self.precision not in _PRECISIONS:
            raise ValueError(f'`precision` must be one of {_PRECISIONS}; got {self.precision!r}.')
        if not 0 <= self.gamma <= 1:
            raise ValueError(f'`gamma` must lie between 0 and 1; got {self.gamma}.')
        if self.learning_rate is not None and not self.learning_rate > 0:
            raise ValueError(f'`learning_rate` must be above 0; got {self.learning_rate}.')
        for name in ('max_iterations', 'patience', 'batch_size'):
            count = getattr(self, name)
            if count is not None and count < 1:
                raise ValueError(f'`{name}` must be at least 1; got {count}.')
        if not self.tolerance >= 0:
            raise ValueError(f'`tolerance` must not be negative; got {self.tolerance}.')

    def with_defaults(self):
        """Configuration with ``optimizer``, ``learning_rate`` and ``patience`` set."""
        choices = {defaults.optimizer: defaults for defaults in _DEFAULTS[self.init]}
        defaults = choices[self.optimizer or next(iter(choices))]
        missing = {k: v for k, v in defaults._asdict().items() if getattr(self, k) is None}
        return replace(self, **missing)


#: Prediction of the encoder, without optimization.
ENCODER_ONLY = LatentSearchConfig(init='encoder', max_iterations=1)
