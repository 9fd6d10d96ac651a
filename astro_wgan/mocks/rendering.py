"""Noise-free mock images: redshifting, PSF convolution, and sampling on detector pixels."""

import warnings
from dataclasses import dataclass
from functools import partial
from typing import NamedTuple

import numpy as np
from astropy import units as u
from astropy.cosmology import Cosmology, Planck18
from astropy.table import QTable
from astropy.utils.exceptions import AstropyUserWarning
from scipy import fft
from scipy.ndimage import fourier_uniform

from astro_wgan.jobs import Fingerprint, describe_settings, digest
from astro_wgan.jobs.parallel import check_workers, ordered_map
from astro_wgan.jobs.progress import ProgressLine
from astro_wgan.jobs.provenance import provenance_record
from astro_wgan.mocks.instrument import Instrument, pixel_psf, samples_per_pixel
from astro_wgan.mocks.light_map import LightMap, describe_maps
from astro_wgan.mocks.presets import get_instrument
from astro_wgan.mocks.rebinning import rebin
from astro_wgan.stamps.concatenation import concatenate
from astro_wgan.stamps.stampset import StampSet
from astro_wgan.store.resume_store import resume_store
from astro_wgan.store.stampstore import StampStore
from astro_wgan.validation.pixels import as_shape

__all__ = ['mock_stamps']

#: Stamps that are rendered and written at a time.
_BLOCK_SIZE = 32

#: Edge of a pixel of the map, in pixels of the telescope, above which a warning is issued.
_COARSE = 2

_UNIT = u.electron / u.s

#: Flux density of AB magnitude 0, in nJy.
_AB = (0 * u.ABmag).to_value(u.nJy)


def mock_stamps(
    light,
    instrument,
    *,
    redshift,
    size=64,
    center=None,
    cosmology=Planck18,
    output=None,
    processes=1,
    client=None,
    progress=True,
):
    """
    Render noise-free images of simulated galaxies as observed by a telescope.

    Parameters
    ----------
    light : `LightMap` or sequence of `LightMap`
        The galaxies. Items of a sequence are accessed when they are needed, so that it may read
        them from files.
    instrument : str or `Instrument`
        One of ``INSTRUMENTS``, or your own.
    redshift : float or sequence of float
        One redshift for all galaxies, or one for each; several for a single map.
    size : int, tuple of int or `~astropy.units.Quantity`, optional
        Pixels along an edge of a stamp, or ``(ny, nx)``, or the same as angles.
    center : tuple of float, optional
        Position ``(x, y)`` in the map, in its pixels, at the center of the stamp. It must be inside
        the map; the default is the center of the map.
    cosmology : `~astropy.cosmology.Cosmology`, optional
        Cosmology of the distances.
    output : path-like, optional
        Store that keeps the results. An interrupted call that is repeated with the same arguments
        goes on from it; results of other work are refused.
    processes : int, optional
        Number of worker processes.
    client : `dask.distributed.Client` or 'current', optional
        Dask cluster to use instead.
    progress : bool, optional
        Whether to show a progress line.

    Returns
    -------
    `~astro_wgan.StampSet`, or `~astro_wgan.store.StampStore` if ``output`` is given
        In electron / s, float32, with the PSF convolved with the pixel. Columns of the table:
        ``map_index``, index of the map; ``redshift``; ``magnitude``, apparent AB magnitude of the
        whole map; ``flux_fraction``, fraction of its flux inside the stamp; ``pixel_size``, edge of
        a pixel in kpc; ``rest_wavelength``, rest-frame wavelength of the filter; and
        ``band_match``, how the light at this wavelength is obtained (see Notes).

    Raises
    ------
    ValueError
        If an argument is out of range, the numbers of maps and redshifts differ, or the store at
        ``output`` is of other work.
    TypeError
        If ``light`` or ``cosmology`` is of another type.

    Warns
    -----
    AstropyUserWarning
        If the pixels of a map are more than twice as large as those of the telescope.

    Notes
    -----
    The flux density of a pixel is (1 + z) L / (4 pi D_L^2), and its angular size p / D_A, so that
    surface brightness per unit frequency decreases as (1 + z)^-3. The light of the map is rebinned
    to a grid several times finer than the pixels of the telescope, convolved there with the PSF,
    from which the smoothing by the rebinning is deconvolved, and summed in pixels. Flux is thus
    conserved, and the pixel convolution is applied only once.

    The rest-frame wavelength is that of the filter divided by (1 + z). If the map has several
    bands, luminosities are interpolated between the adjacent ones pixel by pixel (``band_match`` is
    ``'interpolated'``), or those of the nearest band are used (``'nearest'``). A single band within
    5 percent is ``'matched'``, any other ``'nearest'``. If the wavelength of the map is unknown
    (``'unknown'``), no K-correction is applied. Filters are represented by their pivot wavelengths.

    Examples
    --------
    >>> import numpy as np
    >>> from astropy import units as u
    >>> from astro_wgan.mocks import LightMap, mock_stamps
    >>> y, x = np.indices((100, 100)) - 49.5
    >>> disk = 1e19 * np.exp(-np.hypot(x, y) / 15) * u.W / u.Hz
    >>> galaxy = LightMap(disk, 0.2 * u.kpc)
    >>> stamps = mock_stamps(galaxy, 'euclid_vis', redshift=[0.5, 1], progress=False)
    >>> stamps
    <StampSet: 2 stamps of 64 x 64 pixels, float32, unit electron / s, 0.1 arcsec / pix>
    >>> stamps.table['magnitude'].round(2)
    <Magnitude [20.74, 22.26] mag(AB)>
    """
    instrument = get_instrument(instrument)
    maps = [light] if isinstance(light, LightMap) else light
    if len(maps) and not isinstance(maps[0], LightMap):
        raise TypeError(f'`light` must be a LightMap or a sequence of them; got {maps[0]!r}.')
    redshifts, numbers = _checked_redshifts(redshift, len(maps))
    camera = _Camera(
        instrument, as_shape(size, pixel_scale=instrument.pixel_scale), center, cosmology
    )
    check_workers(processes, client)
    if isinstance(maps, (list, tuple)):
        for number, each in enumerate(maps):
            camera.check(number, each)
    empty = camera.stamp_set([], {'mocks': camera.to_dict(), 'provenance': provenance_record()})
    run = partial(ordered_map, camera.render, processes=processes, client=client)
    with ProgressLine('rendering mocks', quiet=not progress) as line:
        if output is None:
            sets = list(_rendered_sets(maps, numbers, redshifts, camera, empty.meta, run, line))
            return concatenate(sets) if sets else empty
        fingerprint = _fingerprint(maps, redshifts, camera)
        with resume_store(output, like=empty, fingerprint=fingerprint) as (store, meta):
            start = len(store)
            store.extend(
                _rendered_sets(maps, numbers, redshifts, camera, meta, run, line, start=start)
            )
    return StampStore.open(output)


class _Convolution(NamedTuple):
    """Convolution with the PSF on a grid finer than the pixels."""

    transform: np.ndarray
    points: tuple[int, int]
    border: int
    oversampling: int

    @classmethod
    def of(cls, instrument, shape):
        """For stamps of a shape, with a border from which the PSF scatters light into them."""
        oversampling = samples_per_pixel(instrument.psf, instrument.pixel_scale)
        psf = instrument.psf.draw(instrument.pixel_scale / oversampling)
        border = len(psf) // 2
        points = tuple(n * oversampling + 2 * border for n in shape)
        padded = [fft.next_fast_len(n, real=True) for n in points]
        transform = fft.rfft2(psf, s=padded)
        # `rebin` smooths with three boxes, of which one is kept to convolve with a subpixel.
        box = fourier_uniform(np.ones_like(transform), 1, n=padded[1])
        return cls(transform / box**2, points, border, oversampling)

    def __call__(self, light):
        """Convolved light without the border, to which periodic wrapping is confined."""
        padded = [fft.next_fast_len(n, real=True) for n in self.points]
        convolved = fft.irfft2(fft.rfft2(light, s=padded) * self.transform, s=padded)
        rows, columns = (slice(2 * self.border, n) for n in self.points)
        return convolved[rows, columns]


@dataclass(frozen=True)
class _Camera:
    """Instrument, geometry and cosmology, which all stamps share."""

    instrument: Instrument
    shape: tuple[int, int]
    center: tuple[float, float] | None
    cosmology: Cosmology

    def __post_init__(self):
        if not isinstance(self.cosmology, Cosmology):
            raise TypeError(f'`cosmology` must be an astropy Cosmology; got {self.cosmology!r}.')
        if self.center is not None and (
            np.shape(self.center) != (2,) or not np.isfinite(self.center).all()
        ):
            raise ValueError(f'`center` must be (x, y) in pixels; got {self.center!r}.')

    def render(self, scenes):
        """Pixels and table rows of scenes ``(map index, map, redshift)``."""
        convolve = _Convolution.of(self.instrument, self.shape)
        rendered = {}
        for number, light, redshift in scenes:
            # A galaxy that is repeated at the same redshift, to get other noise, is rendered once.
            if (number, redshift) not in rendered:
                rendered[number, redshift] = self._render_one(number, light, redshift, convolve)
        return [rendered[number, redshift] for number, _, redshift in scenes]

    def stamp_set(self, images, meta, *, first=0):
        """Rendered images as a set of stamps."""
        pixels = np.empty((len(images), *self.shape), dtype=np.float32)
        for stamp, (image, _) in zip(pixels, images, strict=True):
            # Limited to the range of float32.
            stamp[...] = np.minimum(image, np.finfo(np.float32).max)
        table = QTable({'id': first + np.arange(len(images))})
        for name, (dtype, unit) in _COLUMNS.items():
            column = np.array([row[name] for _, row in images], dtype=dtype)
            table[name] = column if unit is None else column * unit
        return StampSet(
            pixels,
            unit=_UNIT,
            pixel_scale=self.instrument.pixel_scale,
            psf=pixel_psf(self.instrument.psf, self.instrument.pixel_scale),
            table=table,
            meta=meta,
            assume_finite=True,
        )

    def to_dict(self):
        """Plain values for the provenance."""
        camera = self.instrument
        return {
            'instrument': camera.name,
            'zero_point': camera.zero_point,
            'wavelength_nm': camera.wavelength.value,
            'pixel_scale_arcsec': camera.pixel_scale.value,
            'psf': repr(camera.psf),
            'size': list(self.shape),
            'center': None if self.center is None else [float(x) for x in self.center],
            'cosmology': self.cosmology.name or repr(self.cosmology),
        }

    def check(self, number, light):
        """Raise unless the item is a map that contains the center."""
        if not isinstance(light, LightMap):
            raise TypeError(f'`light` must contain LightMaps only; item {number} is {light!r}.')
        if self.center is None:
            return
        ny, nx = light.shape
        x, y = self.center
        if not (-0.5 <= x <= nx - 0.5 and -0.5 <= y <= ny - 0.5):
            raise ValueError(
                f'`center` must be inside the map, from -0.5 to {nx - 0.5} in x and {ny - 0.5} in '
                f'y; got ({x:g}, {y:g}).'
            )

    def _render_one(self, number, light, redshift, convolve):
        self.check(number, light)
        rest = self.instrument.wavelength / (1 + redshift)
        flux = light.flux(
            redshift, wavelength=self.instrument.wavelength, cosmology=self.cosmology
        ).value
        ratio = self._pixel_ratio(light, redshift)
        if ratio < 1 / _COARSE:
            _warn_of_large_pixels(light, redshift, ratio)
        image = self._image(flux, ratio, convolve)
        total = flux.sum()
        row = {
            'map_index': number,
            'redshift': redshift,
            'magnitude': -2.5 * np.log10(total / _AB) if total > 0 else np.inf,
            'flux_fraction': image.sum() / total if total > 0 else 0.0,
            'pixel_size': ratio * light.pixel_scale.value,
            'rest_wavelength': rest.to_value(u.nm),
            'band_match': light.band_match(rest),
        }
        return image * 10 ** (0.4 * self.instrument.zero_point) / _AB, row

    def _pixel_ratio(self, light, redshift):
        """Edge of a pixel of the telescope, in pixels of the map."""
        distance = self.cosmology.angular_diameter_distance(redshift)
        angle = self.instrument.pixel_scale.value * u.arcsec
        length = (angle.to_value(u.rad) * distance).to_value(u.kpc)
        return length / light.pixel_scale.value

    def _image(self, flux, ratio, convolve):
        """Flux in the pixels of a stamp."""
        center = self.center or [(edge - 1) / 2 for edge in flux.shape[::-1]]
        # Rows, then columns; two transpositions restore the orientation.
        for n, middle in zip(convolve.points, center[::-1], strict=True):
            flux = rebin(flux, n, step=ratio / convolve.oversampling, center=middle).T
        ny, nx = self.shape
        pixels = (
            convolve(flux)
            .reshape(ny, convolve.oversampling, nx, convolve.oversampling)
            .sum(axis=(1, 3))
        )
        # Rounding errors leave tiny negative pixels.
        return pixels.clip(0)


#: Columns of the table: type and unit.
_COLUMNS = {
    'map_index': (np.int64, None),
    'redshift': (float, None),
    'magnitude': (float, u.ABmag),
    'flux_fraction': (float, None),
    'pixel_size': (float, u.kpc),
    'rest_wavelength': (float, u.nm),
    'band_match': ('U12', None),
}


def _checked_redshifts(redshift, maps):
    """Redshifts, and the index of the map of each."""
    redshifts = np.atleast_1d(np.asarray(redshift, dtype=float))
    if redshifts.ndim != 1 or not (np.isfinite(redshifts) & (redshifts > 0)).all():
        raise ValueError(
            f'`redshift` must be one positive number, or a list of them; got {redshift!r}.'
        )
    if maps == 1:
        return redshifts, np.zeros(len(redshifts), dtype=int)
    if len(redshifts) not in (1, maps):
        raise ValueError(
            f'`redshift` must be one number, or one for each of the {maps} maps; got '
            f'{len(redshifts)}.'
        )
    return np.broadcast_to(redshifts, maps), np.arange(maps)


def _rendered_sets(maps, numbers, redshifts, camera, meta, run, line, *, start=0):
    """The stamps, block by block, starting with the stamp at index ``start``."""
    total = len(redshifts)

    def blocks():
        for first in range(start, total, _BLOCK_SIZE):
            rows = range(first, min(first + _BLOCK_SIZE, total))
            yield [(int(numbers[k]), maps[numbers[k]], float(redshifts[k])) for k in rows]

    done = start
    line.update(done / max(1, total), f'{done} of {total} stamps')
    for images in run(blocks()):
        stamps = camera.stamp_set(images, meta, first=done)
        done += len(images)
        line.update(done / total, f'{done} of {total} stamps')
        yield stamps


def _warn_of_large_pixels(light, redshift, ratio):
    warnings.warn(
        f'At redshift {redshift:g} the pixels of a map ({light.pixel_scale:.3g}) are '
        f'{1 / ratio:.2g} times as large as those of the telescope: they limit the resolution.',
        AstropyUserWarning,
        stacklevel=2,
    )


def _fingerprint(maps, redshifts, camera):
    instrument = camera.instrument
    return Fingerprint(
        {
            'light maps': describe_maps(maps),
            'instrument': {
                'name': instrument.name,
                'zero point': instrument.zero_point,
                'wavelength': f'{instrument.wavelength:.10g}',
                'pixel scale': f'{instrument.pixel_scale:.10g}',
                'PSF': digest(pixel_psf(instrument.psf, instrument.pixel_scale)),
            },
            'settings': describe_settings(
                {
                    'redshift': redshifts,
                    'size': camera.shape,
                    'center': camera.center,
                    'cosmology': camera.cosmology,
                }
            ),
        }
    )
