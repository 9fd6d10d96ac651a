"""`Pictures`: input, closest image, residual and contribution of sources, as colors."""

from collections import OrderedDict
from threading import Lock

import numpy as np
from PIL import Image

from astro_wgan.stamps.intensity.color_composites import (
    combine_bands,
    lupton_softening,
    scaled_colors,
)
from astro_wgan.stamps.intensity.fitted_stretch import fitted_stretch
from astro_wgan.stamps.png import (
    MASKED_COLOR,
    image_range,
    residual_colors,
    residual_map,
    residual_range,
)

__all__ = ['KINDS', 'Pictures']

#: What there are pictures of, and how a page calls them.
KINDS = {
    'input': 'input',
    'closest': 'closest image',
    'residual': 'residual',
    'contribution': 'contribution to the smoothed residual',
}
#: Those that need no model.
WITHOUT_MODEL = ('input',)

#: Edge of the largest cell of a sheet, in pixels.
_LARGEST_CELL = 96
#: Bytes of cells that are kept in memory.
_CELL_MEMORY = 2**27
#: Stamps of which the ranges of residuals and contributions are those of all: the strangest.
_RANGE_SAMPLE = 64
#: Stamps, evenly spread over all, to which the stretch is fitted.
_STRETCH_SAMPLE = 256
#: Percentile of the contributions at which their colors end.
_CONTRIBUTION_PERCENTILE = 99.5

#: Contribution in units of the range -> red, green, blue: brighter where it is larger.
_SEQUENTIAL = np.array(
    [
        (0.0, 0, 0, 4),
        (0.25, 81, 18, 124),
        (0.5, 183, 55, 121),
        (0.75, 252, 137, 97),
        (1.0, 252, 253, 191),
    ]
)
_RESIDUAL_STEPS = 255


class Pictures:
    """
    Pictures of the sources of some results.

    Parameters
    ----------
    results : `~astro_wgan.browsing.Results`
    networks : `~astro_wgan.browsing.pictures.detector_images.DetectorImages` or None
        What makes closest images; None without a model.
    origin : {'lower', 'upper'}
        Whether the first row of an image is shown at the bottom or at the top.
    rgb : tuple of str or int, optional
        The bands to show in red, green and blue: see `~astro_wgan.gallery.write_gallery`.

    Attributes
    ----------
    kinds : tuple of str
        Names of the pictures that there are, of `KINDS`.
    cell : tuple of int
        Width and height of a picture in a sheet, in pixels.

    Notes
    -----
    Input and closest image share the range of the input. Residuals share one range, and so do
    contributions, so that these can be compared between sources: those of the 64 strangest sources.
    """

    def __init__(self, results, networks, *, origin='lower', rgb=None):
        self._stamps, self._networks = results.stamps, networks
        self._origin, self._rgb = origin, rgb
        self.kinds = tuple(KINDS) if networks is not None else WITHOUT_MODEL
        ny, nx = self._stamps.shape
        shrink = max(1.0, max(ny, nx) / _LARGEST_CELL)
        self.cell = max(1, round(nx / shrink)), max(1, round(ny / shrink))
        self._stretch = self._ranges = None
        self._cells, self._most_cells = OrderedDict(), _CELL_MEMORY // (3 * np.prod(self.cell))
        # Inputs do not wait for pictures of the model, which take longer.
        self._makers = {'input': Lock(), 'model': Lock()}
        self._lock, self._stretch_lock = Lock(), Lock()

    def cells(self, kind, rows):
        """
        Small pictures of some rows.

        Parameters
        ----------
        kind : str
            One of `kinds`.
        rows : sequence of int

        Returns
        -------
        cells : `~numpy.ndarray` of uint8, shape (n, height, width, 3)
            Black for a row without a stamp.
        known : `~numpy.ndarray` of bool, shape (n,)
            False for a row without a stamp.

        Raises
        ------
        NotReadyError
            If the model is being loaded.
        """
        rows = np.asarray(rows, dtype=np.int64)
        known = self._stamps.known[rows]
        width, height = self.cell
        found = np.zeros((len(rows), height, width, 3), dtype=np.uint8)
        # All three pictures of the model are made at once: who waits for one finds the others.
        with self._makers['input' if kind == 'input' else 'model']:
            missing = self._take(kind, rows, known, found)
            if missing.any():
                # A row may be asked for twice.
                made, places = np.unique(rows[missing], return_inverse=True)
                for name, images in self._colors(kind, made)[0].items():
                    cells = np.array([self._as_cell(image) for image in images])
                    self._keep(name, made, cells)
                    if name == kind:
                        found[missing] = cells[places]
        return found, known

    def picture(self, kind, row):
        """
        The picture of one row with all its pixels, and what its colors mean.

        Returns
        -------
        image : `~numpy.ndarray` of uint8, shape (ny, nx, 3)
        low, high : float
            Values at the ends of the scale of colors: stretched intensities, in which 0 is the sky
            and 1 the peak of bright sources; of contributions, that times the number of pixels.

        Raises
        ------
        LookupError
            If there is no stamp of this row.
        NotReadyError
            If the model is being loaded.
        """
        if not self._stamps.known[row]:
            raise LookupError('There is no stamp of this source.')
        images, ranges = self._colors(kind, np.array([row]))
        return images[kind][0], *ranges[kind][0]

    def _take(self, kind, rows, known, found):
        """Fill in the cells that are in memory, and say which are missing."""
        missing = known.copy()
        with self._lock:
            for k in np.flatnonzero(known):
                cell = self._cells.get((kind, int(rows[k])))
                if cell is not None:
                    found[k], missing[k] = cell, False
                    self._cells.move_to_end((kind, int(rows[k])))
        return missing

    def _keep(self, kind, rows, cells):
        with self._lock:
            for row, cell in zip(rows.tolist(), cells, strict=True):
                self._cells[kind, row] = cell
            while len(self._cells) > self._most_cells:
                self._cells.popitem(last=False)

    def _colors(self, kind, rows):
        """Colors, and ranges of values, of all pictures that are made together with one kind."""
        stamps = self._stamps.read(rows)
        self._fit_stretch()
        inputs = self._display(stamps)
        ranges = [image_range(image) for image in inputs]
        if kind == 'input':
            return {'input': self._scaled(inputs, ranges)}, {'input': ranges}
        images = self._networks.images(rows, stamps)
        limit, most = self._model_ranges()
        residuals = _residual_image(residual_map(images.residuals), limit)
        colors = {
            'closest': self._scaled(self._display(images.closest), ranges),
            'residual': self._turned(residuals),
            'contribution': self._turned(_contribution_image(images.contributions, most)),
        }
        same = {'residual': (-limit, limit), 'contribution': (0.0, most)}
        return colors, {'closest': ranges} | {name: [same[name]] * len(rows) for name in same}

    def _fit_stretch(self):
        with self._stretch_lock:
            if self._stretch is None:
                known = np.flatnonzero(self._stamps.known)
                count = min(_STRETCH_SAMPLE, len(known))
                sample = known[np.linspace(0, len(known) - 1, count).round().astype(int)]
                self._stretch = fitted_stretch(None, self._stamps.read(sample))

    def _model_ranges(self):
        """Largest residual and largest contribution of the color maps."""
        if self._ranges is None:
            sample = np.flatnonzero(self._stamps.known)[:_RANGE_SAMPLE]
            images = self._networks.images(sample, self._stamps.read(sample))
            limit = residual_range(residual_map(images.residuals))
            self._ranges = limit, _upper_range(images.contributions)
        return self._ranges

    def _display(self, stamps):
        """Stretched intensity, gray or in color, NaN where masked."""
        images = np.where(stamps.valid, self._stretch.transform(stamps), np.nan)
        return combine_bands(images, bands=stamps.bands, rgb=self._rgb, stretch=self._stretch)

    def _scaled(self, images, ranges):
        softening = lupton_softening(self._stretch)
        colors = np.empty((*images.shape[:3], 3), dtype=np.uint8)
        for k, (image, (low, high)) in enumerate(zip(images, ranges, strict=True)):
            scaled = np.rint(255 * scaled_colors(image, low, high, softening=softening))
            masked = np.isnan(image)
            if image.ndim == 2:
                masked, scaled = masked[..., np.newaxis], scaled[..., np.newaxis]
            colors[k] = np.where(masked, MASKED_COLOR, scaled)
        return self._turned(colors)

    def _turned(self, images):
        return images[:, ::-1] if self._origin == 'lower' else images

    def _as_cell(self, image):
        width, height = self.cell
        if image.shape[:2] == (height, width):
            return np.ascontiguousarray(image)
        small = Image.fromarray(np.ascontiguousarray(image)).resize(self.cell, Image.Resampling.BOX)
        return np.asarray(small)


def _residual_image(residuals, limit):
    """Colors of residuals: blue where negative, white at zero, red where positive."""
    masked = np.isnan(residuals)
    middle = _RESIDUAL_STEPS // 2
    at = np.rint(middle * np.clip(np.where(masked, 0, residuals) / limit, -1, 1)).astype(int)
    return _masked(residual_colors(_RESIDUAL_STEPS)[at + middle], masked)


def _contribution_image(contributions, most):
    masked = np.isnan(contributions)
    steps = np.linspace(0, 1, 256)
    channels = [np.interp(steps, _SEQUENTIAL[:, 0], _SEQUENTIAL[:, k]) for k in (1, 2, 3)]
    colors = np.rint(np.column_stack(channels)).astype(np.uint8)
    at = np.rint(255 * np.clip(np.where(masked, 0, contributions) / most, 0, 1)).astype(int)
    return _masked(colors[at], masked)


def _masked(colors, masked):
    return np.where(masked[..., np.newaxis], np.uint8(MASKED_COLOR), colors)


def _upper_range(values):
    values = values[np.isfinite(values)]
    high = float(np.percentile(values, _CONTRIBUTION_PERCENTILE)) if values.size else 0.0
    return high or float(values.max(initial=0.0)) or 1.0
