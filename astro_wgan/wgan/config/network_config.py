"""`NetworkConfig`: the layers of generator and critic, and their presets."""

from dataclasses import dataclass, replace
from math import log2
from numbers import Real

from astro_wgan.validation.config_numbers import check_finite_numbers, check_whole_numbers
from astro_wgan.validation.parameter_names import preset_named

__all__ = ['SIZES', 'NetworkConfig']

#: Edge in pixels of the feature maps at the start of the generator and the end of the critic.
_BASE = 4

#: Edges in pixels of the images that networks can have: the base doubled two to six times.
SIZES = (16, 32, 64, 128, 256)

#: Largest number of convolutions of a critic.
_MAX_LAYERS = 100


def _check_size(size):
    if size not in SIZES:
        raise ValueError(
            f'`size` of the images must be {_listed_sizes()} pixels; got {size}.'
            f'{_other_sizes(size)}'
        )


def _other_sizes(size):
    """How stamps of a size that is not possible can be adapted, as a sentence."""
    if not isinstance(size, Real) or not size > 0:
        return ''
    smaller, larger = [n for n in SIZES if n < size], [n for n in SIZES if n > size]
    options = []
    if smaller and size % smaller[-1] == 0:
        options.append(f'binned by {size // smaller[-1]} to {smaller[-1]}')
    if smaller:
        options.append(f'cropped by a factor {size / smaller[-1]:.3g} to {smaller[-1]}')
    if larger:
        options.append(f'padded by a factor {larger[0] / size:.3g} to {larger[0]}')
    return f' Stamps of {size} pixels can be {", or ".join(options)}.'


def _listed_sizes():
    return f'{", ".join(map(str, SIZES[:-1]))} or {SIZES[-1]}'


@dataclass(frozen=True)
class NetworkConfig:
    """
    Layers of generator and critic.

    The generator is one dense layer to 4 x 4 pixels, a convolution there, one transposed
    convolution for each doubling up to ``size``, and a last convolution to the bands: 1 dense and
    6 convolutional layers at 64 pixels. The critic has ``len(critic_filters)`` convolutions, with
    stride 2 until 4 x 4 pixels are reached, and two dense layers; its *features* are the output of
    the last convolution. There is no batch normalization, which in the critic would conflict with
    the gradient penalty of single images.

    Parameters
    ----------
    size : int or None
        Edge of the images in pixels: 16, 32, 64, 128 or 256; None for that of the stamps that a
        `~astro_wgan.WGAN` is fitted to.
    bands : int or None
        Number of bands, at least 1; None for that of the stamps.
    latent_dim : int
        Length of the latent vector z.
    latent_distribution : {'normal', 'uniform'}
        Standard normal, or uniform between -1 and 1.
    generator_filters : tuple of int
        Channels of the feature maps at 4, 8, 16, ... ``size`` pixels. If ``size`` is None these are
        adapted to that of the stamps, as by `resized`.
    critic_filters : tuple of int
        Channels of the critic's convolutions; adapted likewise.
    critic_dense : int
        Units of the critic's first dense layer.
    kernel_size : int
        Edge of the kernels of the strided convolutions, at least 2; the generator's last
        convolution and those of stride 1 use ``kernel_size - 1`` if it is even, to be centered.
    negative_slope : float
        Slope of the leaky rectifiers below zero.
    critic_layer_normalization : bool
        Layer normalization after the critic's convolutions, except the first.
    noise : bool
        Make the generator noise-free: before the critic sees its images, noise with the variance
        and correlation of that of the sky in the stamps is added.

    Raises
    ------
    ValueError
        If no networks can be built from the values.

    Notes
    -----
    Margalef-Bentabol et al. 2020, section 3.4, give the numbers of layers and the length of z, but
    not channels, kernels and activations; ``noise`` is not in the paper. Without it the generator
    has to produce noise as well, as a fixed pattern for each z. No z has the pattern of a given
    image, so that the closest image adds its own noise to the residual. A measurement process
    after the generator is the idea of Bora et al. 2018 (AmbientGAN).
    """

    size: int | None = 64
    bands: int | None = 1
    latent_dim: int = 100
    latent_distribution: str = 'normal'
    generator_filters: tuple[int, ...] = (256, 256, 128, 64, 32)
    critic_filters: tuple[int, ...] = (32, 64, 128, 256, 256)
    critic_dense: int = 128
    kernel_size: int = 4
    negative_slope: float = 0.2
    critic_layer_normalization: bool = False
    noise: bool = False

    def __post_init__(self):
        lowest = {'size': 0, 'bands': 1, 'latent_dim': 1, 'critic_dense': 1, 'kernel_size': 2}
        check_whole_numbers(self, lowest, optional=('size', 'bands'))
        check_finite_numbers(self, ['negative_slope'])
        for name in ('generator_filters', 'critic_filters'):
            object.__setattr__(self, name, tuple(int(n) for n in getattr(self, name)))
        size = self._size_of_filters if self.size is None else self.size
        if self.size is None and size not in SIZES:
            raise ValueError(
                '`generator_filters` must hold the channels at 4, 8, ... pixels, 3 to 7 numbers; '
                f'got {self.generator_filters}.'
            )
        _check_size(size)
        doublings = round(log2(size / _BASE))
        if self.latent_distribution not in ('normal', 'uniform'):
            raise ValueError(
                "`latent_distribution` must be 'normal' or 'uniform'; "
                f'got {self.latent_distribution!r}.'
            )
        if len(self.generator_filters) != doublings + 1:
            raise ValueError(
                f'`generator_filters` must hold the channels at 4, 8, ... {size} pixels, '
                f'{doublings + 1} numbers; got {self.generator_filters}.'
            )
        if len(self.critic_filters) < doublings:
            raise ValueError(
                f'`critic_filters` must hold at least {doublings} numbers to get from '
                f'{size} to 4 pixels; got {self.critic_filters}.'
            )
        if len(self.critic_filters) > _MAX_LAYERS:
            raise ValueError(
                f'`critic_filters` must hold at most {_MAX_LAYERS} numbers; '
                f'got {len(self.critic_filters)}.'
            )
        if min(self.generator_filters + self.critic_filters) < 1:
            raise ValueError(f'All filters must be at least 1; got {self}.')

    @classmethod
    def preset(cls, name, *, size=None, bands=None):
        """
        The networks of a preset.

        Parameters
        ----------
        name : {'paper', 'compact'}
            ``'paper'``: 64 x 64 pixels and a latent vector of 100 numbers, as in Margalef-Bentabol
            et al. 2020. ``'compact'``: small networks that train quickly on two CPU cores, with a
            generator of noise-free images.
        size, bands : int, optional
            Another size or number of bands than the preset's 64 and 1.

        Returns
        -------
        NetworkConfig

        Raises
        ------
        ValueError
            If there is no such preset, or no networks of this size or number of bands.

        Examples
        --------
        >>> from astro_wgan.wgan import NetworkConfig
        >>> NetworkConfig.preset('paper', bands=3).image_shape
        (64, 64, 3)
        """
        network = preset_named(name, _PRESETS)
        if size is not None and size != network.size:
            network = network.resized(size)
        return network if bands is None else replace(network, bands=bands)

    @property
    def image_shape(self):
        """``(ny, nx, bands)`` of the arrays that the networks work on; None where that is open."""
        return (self.size, self.size, self.bands)

    def for_images(self, size, bands):
        """
        The same networks with ``size`` and ``bands`` where these are None.

        Parameters
        ----------
        size, bands : int
            Of the images.

        Returns
        -------
        NetworkConfig

        Raises
        ------
        ValueError
            If no networks have this size.

        Examples
        --------
        >>> from astro_wgan.wgan import NetworkConfig
        >>> NetworkConfig(size=None, bands=None, latent_dim=16).for_images(32, 9).image_shape
        (32, 32, 9)
        """
        network = self.resized(size) if self.size is None else self
        return replace(network, bands=bands) if self.bands is None else network

    @property
    def _size_of_filters(self):
        """Size of the images that a generator with these channels makes."""
        return _BASE * 2 ** (len(self.generator_filters) - 1)

    def resized(self, size):
        """The same networks for another image size: outer stages are removed or repeated."""
        _check_size(size)
        stages = round(log2(size / _BASE)) + 1
        generator = self.generator_filters
        critic = self.critic_filters
        generator = (generator + generator[-1:] * stages)[:stages]
        critic = (critic[:1] * max(0, stages - 1 - len(critic))) + critic
        return replace(self, size=size, generator_filters=generator, critic_filters=critic)


_PRESETS = {
    # The paper gives the number of layers, but not their widths.
    'paper': NetworkConfig(),
    # Small enough to be trained on a field in minutes with two CPU cores. A longer latent vector
    # can reproduce anomalies as well.
    'compact': NetworkConfig(
        latent_dim=16,
        generator_filters=(64, 64, 32, 16, 8),
        critic_filters=(16, 32, 32, 64, 64),
        critic_dense=64,
        noise=True,
    ),
}
