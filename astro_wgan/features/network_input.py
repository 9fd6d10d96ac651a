"""InputLayout: axes, edges and bands of images that a network from elsewhere takes."""

from dataclasses import dataclass

import numpy as np

from astro_wgan.optional import import_optional

__all__ = ['InputLayout', 'resampled', 'to_channels']

_LAYOUTS = ('NHWC', 'NCHW')


@dataclass(frozen=True)
class InputLayout:
    """
    Axes, edges and bands of images that a network takes.

    Attributes
    ----------
    order : {'NHWC', 'NCHW'}
        Order of the axes: images, rows, columns and channels.
    batch, height, width, channels : int or None
        Their lengths; None for any.
    """

    order: str
    batch: int | None
    height: int | None
    width: int | None
    channels: int | None

    @classmethod
    def of(cls, shape, order=None, *, bands=1):
        """
        Layout of an input.

        Parameters
        ----------
        shape : sequence of int, str or None
            Four axes; text, None or a number below 1 for any length.
        order : str, optional
            Order of the axes, by default that which has 1, 3 or as many channels as stamps have
            bands.
        bands : int
            Of the stamps.

        Raises
        ------
        ValueError
            If the order is unknown or does not follow from the shape.
        """
        lengths = [n if isinstance(n, int) and n > 0 else None for n in shape]
        if order is None:
            # The first that fits; images of three rows do not occur.
            channels = {name: lengths[name.index('C')] for name in _LAYOUTS}
            fitting = [name for name in _LAYOUTS if channels[name] in (1, 3, bands)]
            if len(fitting) != 1:
                raise ValueError(
                    '`layout` must be given, since the order of the axes does not follow from the '
                    f'shape of the input of the network, {tuple(shape)}.'
                )
            order = fitting[0]
        if order not in _LAYOUTS:
            raise ValueError(f'`layout` must be one of {_LAYOUTS}; got {order!r}.')
        axes = (lengths[order.index(axis)] for axis in 'NHWC')
        return cls(order, *axes)

    def check(self, edges, *, bands):
        """
        Refuse images that the network does not take.

        Parameters
        ----------
        edges : tuple of int
            Rows and columns of the images.
        bands : int
            Of the stamps.

        Raises
        ------
        ValueError
            If it takes images of other edges, or another number of bands.
        """
        wanted = self.height or edges[0], self.width or edges[1]
        if tuple(edges) != wanted:
            raise ValueError(
                f'`size` must be {wanted[0]}, as the network takes images of {wanted[0]} x '
                f'{wanted[1]} pixels; got {edges[0]} x {edges[1]}.'
            )
        if bands not in (1, self.channels or bands):
            raise ValueError(
                f'`stamps` must have 1 or {self.channels} bands, as the network takes; got {bands}.'
            )

    def arranged(self, images):
        """Images of shape (n, ny, nx, bands) in the order of the axes."""
        return images if self.order == 'NHWC' else np.moveaxis(images, 3, 1)


def to_channels(images, channels):
    """Images (n, ny, nx, bands) with a single band repeated; as they are where it is None."""
    if channels in (None, images.shape[3]):
        return images
    return np.repeat(images, channels, axis=3)


def resampled(images, size):
    """
    Images of another edge.

    Parameters
    ----------
    images : `~numpy.ndarray`, shape (n, ny, nx, bands)
        Finite values.
    size : int
        The edge in pixels.

    Returns
    -------
    `~numpy.ndarray` of float32, shape (n, size, size, bands)
        By bilinear interpolation. Images that become smaller are smoothed before.

    Examples
    --------
    >>> import numpy as np
    >>> from astro_wgan.features.network_input import resampled
    >>> resampled(np.ones((2, 32, 32, 1)), 48).shape
    (2, 48, 48, 1)
    """
    transform = import_optional('skimage.transform', purpose='Images of another size need')
    found = np.empty((len(images), size, size, images.shape[3]), np.float32)
    for row, image in enumerate(images):
        smaller = size < min(image.shape[:2])
        found[row] = transform.resize(
            image, (size, size), order=1, mode='edge', anti_aliasing=smaller, preserve_range=True
        )
    return found
