"""ClassifierConfig: network and training of the classifier of injected anomalies."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from numbers import Integral

from astro_wgan.injection import InjectionConfig
from astro_wgan.validation.config_numbers import check_finite_numbers, check_whole_numbers

__all__ = ['ClassifierConfig']


@dataclass(frozen=True)
class ClassifierConfig:
    """
    Configuration of the classifier of injected anomalies.

    Parameters
    ----------
    injection : `~astro_wgan.injection.InjectionConfig`
        What is injected.
    iterations : int
        Largest number of steps of AdamW. With few stamps there are fewer, 30 times the square root
        of the number that anomalies are injected into: more steps would learn these by heart.
    batch_size : int
        Number of stamps in each step, half of them with anomalies.
    learning_rate : float
        Initial learning rate; it falls linearly to a hundredth in the second half.
    weight_decay : float
        Of AdamW.
    dropout : float
        Fraction of the last features that are left out at random.
    channels : tuple of int
        Channels of the convolutions; after each pair the image has half of the edge.
    binning : int
        Edge in pixels of the blocks that images are averaged in. Single pixels show traces of the
        injection, from which the network would learn nothing about real anomalies, and take four
        times as long.
    host_fraction : float
        Fraction of the stamps that anomalies are injected into, those of the lowest scores. Strange
        ones among the others would teach that what is strange is normal.
    max_hosts : int
        Largest number of these stamps.
    injected_per_host : int
        Number of stamps with anomalies for each of them.
    least_visible : float
        Fraction of the stamps with anomalies that are not learned from: those in which the change
        is the least compared with the residual of the stamp without it. They would teach that
        noise, and what the generator does not reproduce of normal galaxies, is strange.
    n_components : int
        Number of principal components of the normals, whose residual the network sees beside that
        of the generator; 0 for none. They reproduce less of a companion, and less of a normal
        galaxy: with both the network finds more than with either.
    orientations : {1, 2, 4, 8}
        Number of orientations of a stamp, over which the log odds are averaged: the time that the
        classifier takes is proportional to it. Four rank stamps as well as eight, two almost.

    Raises
    ------
    TypeError
        If ``injection`` is no `~astro_wgan.injection.InjectionConfig`.
    ValueError
        If a value is out of range.
    """

    injection: InjectionConfig = field(default_factory=InjectionConfig)
    iterations: int = 800
    batch_size: int = 64
    learning_rate: float = 1e-3
    weight_decay: float = 1e-3
    dropout: float = 0.3
    channels: tuple[int, ...] = (24, 48, 64)
    binning: int = 2
    host_fraction: float = 0.8
    max_hosts: int = 4000
    injected_per_host: int = 2
    least_visible: float = 0.5
    n_components: int = 10
    orientations: int = 2

    def __post_init__(self):
        if not isinstance(self.injection, InjectionConfig):
            raise TypeError(f'`injection` must be an InjectionConfig; got {self.injection!r}.')
        least = dict.fromkeys(('iterations', 'binning', 'max_hosts', 'injected_per_host'), 1)
        least |= {'batch_size': 2, 'n_components': 0, 'orientations': 1}
        check_whole_numbers(self, least)
        fractions = ('dropout', 'host_fraction', 'least_visible')
        check_finite_numbers(self, ('learning_rate', 'weight_decay', *fractions))
        if self.orientations not in (1, 2, 4, 8):
            raise ValueError(f'`orientations` must be 1, 2, 4 or 8; got {self.orientations!r}.')
        if self.batch_size % 2:
            raise ValueError(f'`batch_size` must be even; got {self.batch_size}.')
        if not self.learning_rate > 0:
            raise ValueError(f'`learning_rate` must be above 0; got {self.learning_rate}.')
        if not self.weight_decay >= 0:
            raise ValueError(f'`weight_decay` must not be negative; got {self.weight_decay}.')
        for name in ('dropout', 'least_visible'):
            if not 0 <= getattr(self, name) < 1:
                raise ValueError(
                    f'`{name}` must be at least 0 and below 1; got {getattr(self, name)}.'
                )
        if not 0 < self.host_fraction <= 1:
            raise ValueError(
                f'`host_fraction` must be above 0 and at most 1; got {self.host_fraction}.'
            )
        object.__setattr__(self, 'channels', _as_tuple(self.channels))


def _as_tuple(channels):
    """Numbers of channels as a tuple of Python numbers."""
    numbers = tuple(channels) if isinstance(channels, Iterable) else ()
    are_whole = all(isinstance(n, Integral) and not isinstance(n, bool) for n in numbers)
    if not numbers or not are_whole or min(numbers) < 1:
        raise ValueError(
            f'`channels` must be whole numbers of at least 1, at least one; got {channels!r}.'
        )
    return tuple(map(int, numbers))
