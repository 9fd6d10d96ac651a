"""`TrainingConfig`: how generator and critic are trained, and presets of it."""

from dataclasses import dataclass

from astro_wgan.validation.config_numbers import check_finite_numbers, check_whole_numbers
from astro_wgan.validation.parameter_names import preset_named

__all__ = ['TrainingConfig']

_FINITE = (
    'learning_rate',
    'penalty_weight',
    'reconstruction_weight',
    'beta_1',
    'beta_2',
    'ema_decay',
)
_PRECISIONS = ('float32', 'mixed_bfloat16', 'mixed_float16', 'auto')


@dataclass(frozen=True)
class TrainingConfig:
    """
    How generator and critic are trained: WGAN with gradient penalty.

    Parameters
    ----------
    batch_size : int
        Images per critic step. The paper gives 32 in section 3.4 and 64 in appendix A.
    critic_steps : int
        Critic steps per generator step (n_critic).
    penalty_weight : float
        Weight lambda of the gradient penalty.
    learning_rate, beta_1, beta_2 : float
        Parameters of Adam, for both networks.
    augment : bool
        Random orientations: rotations by multiples of 90 degrees and reflections.
    max_shift : int
        Random shifts of each image by up to this number of pixels along y and x, so that sources
        need not be centered to the pixel; 0 for none. Shifts by whole pixels leave the noise as it
        is; at the edges the image is reflected.
    reconstruction_weight : float
        Weight of the autoencoder term (negative evidence lower bound) in the generator's loss; with
        0, as in the paper, there is no encoder. Needs networks with ``noise`` and a normal z.
    ema_decay : float
        Decay of the exponential moving average (EMA) of the weights of generator and encoder, which
        are then those of the fitted model; 0 for none. At the start of a training it is
        ``(1 + iteration) / (10 + iteration)`` if that is smaller.
    jit_compile : bool
        Compile the iteration with XLA: on a GPU several times as fast after half a minute of
        compilation, on CPUs slower. The random numbers of a seed differ from those without.
    precision : {'float32', 'mixed_bfloat16', 'mixed_float16', 'auto'}
        Precision of the layers during training. Weights, losses and the fitted networks are in
        float32. Mixed precision is faster only on hardware with units for it. ``'auto'`` is
        ``'mixed_bfloat16'`` with ``penalty_in_float32=False`` on CPUs with such units (Intel AMX),
        and ``'float32'`` on others, on GPUs, with ``jit_compile``, and under a strategy.
    penalty_in_float32 : bool
        In mixed precision, compute the layers in float32 for the gradient penalty, which is two
        fifths of the arithmetic of a critic step. If False only the norm of the gradient, the
        penalty and its derivative are in float32. May be False with ``'mixed_bfloat16'``, which has
        the range of float32.

    Raises
    ------
    ValueError
        If a value is out of range.

    Notes
    -----
    The defaults are those of Margalef-Bentabol et al. 2020, section 3.4; the losses are those of
    Gulrajani et al. 2017 (arXiv:1704.00028).

    A critic alone does not penalize kinds of real images that the generator never makes, and such
    images look anomalous. With ``reconstruction_weight`` the generator's loss is -E[C(G(z))] plus
    that weight times the negative evidence lower bound of Kingma & Welling 2014
    (arXiv:1312.6114): half the chi-squared of real images relative to their reconstruction, and
    the Kullback-Leibler divergence of their z from the distribution of z, which keeps the encoder
    from using a z that no normal image has. A variational autoencoder whose decoder is the
    generator of a GAN is the idea of Larsen et al. 2016 (arXiv:1512.09300).
    """

    batch_size: int = 32
    critic_steps: int = 10
    penalty_weight: float = 10.0
    learning_rate: float = 5e-5
    beta_1: float = 0.5
    beta_2: float = 0.9
    augment: bool = False
    max_shift: int = 0
    reconstruction_weight: float = 0.0
    ema_decay: float = 0.0
    jit_compile: bool = False
    precision: str = 'float32'
    penalty_in_float32: bool = True

    def __post_init__(self):
        check_whole_numbers(self, {'batch_size': 1, 'critic_steps': 1, 'max_shift': 0})
        check_finite_numbers(self, _FINITE)
        if not self.learning_rate > 0:
            raise ValueError(f'`learning_rate` must be above 0; got {self.learning_rate}.')
        for name in ('penalty_weight', 'reconstruction_weight'):
            if not getattr(self, name) >= 0:
                raise ValueError(f'`{name}` must not be negative; got {getattr(self, name)}.')
        for name in ('beta_1', 'beta_2', 'ema_decay'):
            if not 0 <= getattr(self, name) < 1:
                raise ValueError(f'`{name}` must lie in [0, 1); got {getattr(self, name)}.')
        if self.precision not in _PRECISIONS:
            raise ValueError(
                f'`precision` must be one of {", ".join(map(repr, _PRECISIONS))}; '
                f'got {self.precision!r}.'
            )
        if not self.penalty_in_float32 and self.precision != 'mixed_bfloat16':
            raise ValueError(
                "`penalty_in_float32` may be False only with `precision` 'mixed_bfloat16'; "
                f'got {self.precision!r}.'
            )

    @classmethod
    def preset(cls, name):
        """
        The training of a preset.

        Parameters
        ----------
        name : {'paper', 'compact'}
            ``'paper'``: the hyperparameters of Margalef-Bentabol et al. 2020. ``'compact'``: one
            critic step and a larger learning rate, with an encoder and averaged weights.

        Returns
        -------
        TrainingConfig

        Raises
        ------
        ValueError
            If there is no such preset.

        Examples
        --------
        >>> from astro_wgan.wgan import TrainingConfig
        >>> TrainingConfig.preset('paper').learning_rate
        5e-05
        """
        return preset_named(name, _PRESETS)

    @property
    def images_per_iteration(self):
        """Number of real images per generator iteration."""
        return self.batch_size * self.critic_steps

    @property
    def min_stamps(self):
        """Smallest number of stamps to train on: that of a batch, but not more than 32."""
        return min(self.batch_size, 32)


_PRESETS = {
    'paper': TrainingConfig(precision='auto'),
    # With the encoder one critic step is enough.
    'compact': TrainingConfig(
        batch_size=64,
        critic_steps=1,
        learning_rate=7e-4,
        augment=True,
        reconstruction_weight=0.05,
        ema_decay=0.99,
        precision='auto',
    ),
}
