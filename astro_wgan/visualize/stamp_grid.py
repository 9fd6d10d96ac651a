"""Figures of stamps: `plot_stamps` and `plot_triptychs`."""

import numpy as np

from astro_wgan.stamps.intensity.color_composites import combine_bands, lupton_softening
from astro_wgan.stamps.png import (
    MASKED_COLOR,
    image_range,
    residual_colors,
    residual_map,
    residual_range,
)
from astro_wgan.visualize.axes import grid_or_new, one_or_new
from astro_wgan.visualize.display import (
    check_origin,
    color_pictures,
    stretched_images,
    stretched_set,
)

__all__ = ['plot_stamps', 'plot_triptychs']


def plot_stamps(
    stamps,
    *,
    n_columns=None,
    labels=None,
    stretch=None,
    limits=None,
    rgb=None,
    origin='lower',
    ax=None,
):
    """
    Stamps, or generated images, on a grid.

    Parameters
    ----------
    stamps : array_like, or anything that `~astro_wgan.store.as_stamps` takes
        Images of shape (n, ny, nx) or (n, ny, nx, bands): row by row, from the top left.
    n_columns : int, optional
        Stamps in a row; by default as many as make the figure about square.
    labels : sequence of str, optional
        Label of each stamp.
    stretch : `~astro_wgan.stamps.Stretch`, optional
        Intensity scaling, such as ``stretch_`` of a model; fitted to these stamps where it is not
        yet. By default the package's asinh.
    limits : tuple of float, optional
        Stretched intensities of black and white for all of them. By default each has its own,
        from its 0.5th to its 99.9th percentile.
    rgb : tuple of str or int, optional
        Names or numbers of the bands to show in red, green and blue, such as ``('i', 'r', 'g')``.
        By default all bands are used, in the order of their wavelengths, red the longest; bands
        without wavelengths from the shortest on, but three as red, green and blue.
    origin : {'lower', 'upper'}, optional
        Where the first row of each image is.
    ax : `~matplotlib.axes.Axes`, optional
        Where to draw; by default in a new figure.

    Returns
    -------
    `~matplotlib.axes.Axes`
        Axes without a frame. Masked pixels are olive.

    Notes
    -----
    Colors are those of linear intensities, as made by `~astropy.visualization.make_lupton_rgb`
    with the stretch of the images, so that bright sources keep theirs. With a linear stretch, as
    for pictures, each color is scaled by itself.

    Raises
    ------
    ImportError
        If Matplotlib is not installed.
    ValueError
        If there is no stamp, there are not as many labels, or an option is out of range.

    Examples
    --------
    >>> import numpy as np
    >>> from astro_wgan.visualize import plot_stamps
    >>> ax = plot_stamps(np.random.default_rng(1).normal(size=(10, 16, 16)), n_columns=5)
    >>> ax.images[0].get_array().shape
    (33, 84, 4)
    """
    check_origin(origin)
    images, stretch, bands = stretched_set(stamps, stretch, '`stamps`')
    n, ny, nx = images.shape[:3]
    n_columns = int(np.ceil(np.sqrt(n))) if n_columns is None else n_columns
    if n_columns < 1:
        raise ValueError(f'`n_columns` must be at least 1; got {n_columns}.')
    if limits is not None and not limits[1] > limits[0]:
        raise ValueError(f'`limits` must increase; got {limits}.')
    _check_texts(labels, n, '`labels`')
    images = combine_bands(images, bands=bands, rgb=rgb, stretch=stretch)
    pictures = color_pictures(images, limits=limits, softening=lupton_softening(stretch))
    ax = one_or_new(ax)
    ax.imshow(_sheet(pictures if origin == 'upper' else pictures[:, ::-1], n_columns))
    for k, label in enumerate([] if labels is None else labels):
        row, column = divmod(k, n_columns)
        _label(ax, column * (nx + 1), row * (ny + 1), str(label))
    ax.set_axis_off()
    return ax


def plot_triptychs(
    stamps,
    closest_images,
    residuals=None,
    *,
    labels=None,
    stretch=None,
    rgb=None,
    origin='lower',
    axes=None,
):
    """
    Rows of input, closest image and residual.

    Parameters
    ----------
    stamps : array_like, or anything that `~astro_wgan.store.as_stamps` takes
        The n inputs.
    closest_images : `~astro_wgan.StampSet`
        Their closest images, from `astro_wgan.AnomalyDetector.closest_images`.
    residuals : `~astro_wgan.StampSet` or array_like, optional
        What to show of each in the third panel, such as
        `astro_wgan.AnomalyDetector.residual` in the unit of the stamps. By default the difference
        of the first two in stretched intensity, as the networks see it.
    labels : sequence of str, optional
        Label of each row.
    stretch : `~astro_wgan.stamps.Stretch`, optional
        Intensity scaling, best that of the model, ``wgan.stretch_``; fitted to the stamps where it
        is not yet. By default the package's asinh.
    rgb, origin
        As for `plot_stamps`.
    axes : array_like of `~matplotlib.axes.Axes`, shape (n, 3), optional
        Where to draw; by default in a new figure. The transpose of an array (3, n) makes n_columns
        of the rows.

    Returns
    -------
    `~numpy.ndarray` of `~matplotlib.axes.Axes`, shape (n, 3)

    Raises
    ------
    ImportError
        If Matplotlib is not installed.
    ValueError
        If there is no stamp, or shapes or numbers disagree.

    Notes
    -----
    Input and closest image of a row share one range of intensity, from the 0.5th to the 99.9th
    percentile of their pixels. All residuals share one range around zero: white at zero, red
    where the input is brighter. Residuals of several bands are those of the band that deviates
    most. Masked pixels are olive.

    Examples
    --------
    >>> import numpy as np
    >>> from astro_wgan.visualize import plot_triptychs
    >>> images = np.random.default_rng(1).normal(size=(2, 16, 16))
    >>> axes = plot_triptychs(images, 0.5 * images, labels=['a', 'b'])
    >>> [ax.get_title() for ax in axes[0]]
    ['input', 'closest image', 'residual']
    """
    check_origin(origin)
    images, stretch, bands = stretched_set(stamps, stretch, '`stamps`')
    drawn = stretched_images(closest_images, stretch, '`closest_images`')
    _check_shape(drawn, images.shape, '`closest_images`')
    if residuals is None:
        left = images - drawn
    else:
        left = stretched_images(residuals, None, '`residuals`')
        _check_shape(left, images.shape, '`residuals`')
    _check_texts(labels, len(images), '`labels`')
    options = {'bands': bands, 'rgb': rgb, 'stretch': stretch}
    images, drawn = (combine_bands(part, **options) for part in (images, drawn))
    left, softening = residual_map(left), lupton_softening(stretch)
    limit = residual_range(left)
    axes = grid_or_new(axes, len(images), 3)
    for row, *three in zip(axes, images, drawn, left, strict=True):
        low, high = image_range(*three[:2])
        for ax, image in zip(row[:2], three, strict=False):
            _show(ax, image, low, high, origin, softening=softening)
        _show(row[2], three[2], -limit, limit, origin, colors=residual_colors() / 255)
    for ax, head in zip(axes[0], ('input', 'closest image', 'residual'), strict=True):
        ax.set_title(head, fontsize='medium')
    for ax, label in zip(axes[:, 0], [] if labels is None else labels, strict=False):
        ax.set_ylabel(str(label))
    return axes


def _sheet(pictures, n_columns):
    """Pictures row by row with a pixel between them, transparent where there is none."""
    n, ny, nx = pictures.shape[:3]
    rows = -(-n // n_columns)
    sheet = np.zeros((rows * (ny + 1) - 1, n_columns * (nx + 1) - 1, 4))
    for k, picture in enumerate(pictures):
        y, x = (ny + 1) * (k // n_columns), (nx + 1) * (k % n_columns)
        sheet[y : y + ny, x : x + nx] = picture
    return sheet


def _label(ax, x, y, text):
    from matplotlib.patheffects import withStroke

    # Legible on black and on white.
    outline = [withStroke(linewidth=2, foreground='black')]
    ax.text(x, y, text, color='white', va='top', fontsize='x-small', path_effects=outline)


def _show(ax, image, low, high, origin, *, colors=None, softening=None):
    from matplotlib.colors import ListedColormap

    if image.ndim == 3:
        image = color_pictures(image[np.newaxis], limits=(low, high), softening=softening)[0]
        ax.imshow(image, origin=origin)
    else:
        grays = np.repeat(np.linspace(0, 1, 256)[:, np.newaxis], 3, axis=1)
        colormap = ListedColormap(grays if colors is None else colors)
        colormap = colormap.with_extremes(bad=np.array(MASKED_COLOR) / 255)
        ax.imshow(image, origin=origin, cmap=colormap, vmin=low, vmax=high)
    ax.set(xticks=[], yticks=[])


def _check_shape(images, shape, what):
    if images.shape != shape:
        raise ValueError(
            f'{what} must have the shape of `stamps`, {tuple(shape)}; got {images.shape}.'
        )


def _check_texts(texts, n, what):
    if texts is not None and len(texts) != n:
        raise ValueError(f'{what} must have {n} entries, one per stamp; got {len(texts)}.')
