"""Methods of stamps that return another set: replacements, some bands, without neighbors."""

from abc import ABC, abstractmethod
from copy import deepcopy
from numbers import Integral

from astro_wgan.bands.band import names_of
from astro_wgan.stamps.set_arguments import band_arguments, changed_arguments
from astro_wgan.stamps.sizes.resized_sets import ResizedSets

__all__ = ['DerivedSets']


class DerivedSets(ResizedSets, ABC):
    """
    Methods of `~astro_wgan.stamps.Stamps` that return a `~astro_wgan.StampSet`.

    Stamps of a store are read into memory.
    """

    @abstractmethod
    def _in_memory(self):
        """All stamps as a `~astro_wgan.StampSet`."""

    def copy(self):
        """A `~astro_wgan.StampSet` with the same values that shares no memory with this one."""
        return deepcopy(self._in_memory())

    def replace(self, **changes):
        """
        A set in which the pixels, or other attributes, are replaced.

        Parameters
        ----------
        **changes
            Any argument of `~astro_wgan.StampSet` except ``axes``. Pixels are in the unit of the
            stamps, or in ``unit``, or a Quantity that is converted. A new ``unit`` converts the
            pixels and the uncertainty unless they are given too, or there was no unit.

        Returns
        -------
        `~astro_wgan.StampSet`
            Everything else is shared with this set, as by a slice: arrays, columns of the table,
            geometry and PSF. The mask is kept, and pixels that are not finite are added. With
            new ``wcs`` or ``geometry``, the pixel scale is taken from it if possible.

        Raises
        ------
        TypeError
            If there is no such argument.
        ValueError
            If the new values do not fit those that are kept.
        astropy.units.UnitConversionError
            If a unit does not convert.

        Examples
        --------
        >>> import numpy as np
        >>> from astro_wgan import StampSet
        >>> stamps = StampSet(np.ones((5, 64, 64)), unit='nJy')
        >>> stamps.replace(pixels=stamps.pixels - 0.5).pixels.max()
        np.float64(0.5)
        """
        stamps = self._in_memory()
        return type(stamps)(**changed_arguments(stamps, changes))

    def band(self, band):
        """
        One band of each stamp, as a set of plain images.

        Parameters
        ----------
        band : str or int
            Name of the band, or its index, from 0; plain images have one band.

        Returns
        -------
        `~astro_wgan.StampSet`
            Its pixels, uncertainty and mask are views; everything else is shared. Its PSF is that
            of the band, if there is one.

        Raises
        ------
        ValueError
            If there is no such band.

        Examples
        --------
        >>> import numpy as np
        >>> from astro_wgan import StampSet
        >>> stamps = StampSet(np.ones((5, 64, 64, 3)), bands=['g', 'r', 'i'])
        >>> stamps.band('r')
        <StampSet: 5 stamps of 64 x 64 pixels in band r, float64>
        >>> stamps['r'] == stamps.band(1)
        True
        """
        stamps = self._in_memory()
        return type(stamps)(**band_arguments(stamps, band))

    def _named_bands(self, names):
        """One band or, for a list of names, several: ``stamps['r']``, ``stamps[['g', 'r']]``."""
        missing = {names} if isinstance(names, str) else {*names}
        missing -= {band.name for band in self.bands}
        if missing:
            have = ', '.join(band.name for band in self.bands) or 'one band without name'
            raise KeyError(
                f'The stamps have no band {missing.pop()!r}, but {have}. For a column of the '
                'table use `stamps.table[...]`.'
            )
        stamps = self._in_memory()
        return type(stamps)(**band_arguments(stamps, names))

    def stack(self, bands=None, *, method='mean', weights=None):
        """
        Combine bands into one image of each stamp.

        Parameters
        ----------
        bands : str, int or sequence of them, optional
            Names or numbers of the bands; all by default.
        method : {'mean', 'sum', 'chi2'}, optional
            The mean of the bands with data at a pixel; their sum, masked where one of them has
            none; or the chi-squared image of Szalay et al. (1999, AJ 117, 68), in which sources
            of any color are detected: the root of the sum of the squared signal-to-noise ratios,
            normalized to a mean of 0 and a standard deviation of 1 in the sky. The sky is
            measured in each stamp and, without an uncertainty, the noise, too.
        weights : sequence of float or 'inverse_variance', optional
            A weight for each band, for the mean and the sum; or, for the mean, the inverse of the
            variance of each pixel.

        Returns
        -------
        `~astro_wgan.StampSet`
            Plain images of a band named after those combined, such as ``'g+r'``, or ``'chi2'``,
            which has no unit and no uncertainty. Zero point and PSF are kept if they are the same
            in all bands.

        Raises
        ------
        ValueError
            If there is no such band or method, weights are not above 0, or there is no
            uncertainty to weight by.
        astro_wgan.exceptions.DetectionError
            For ``'chi2'``, if a band has no noise.

        Examples
        --------
        >>> from astro_wgan.testing import make_stamps
        >>> make_stamps(3, bands=['g', 'r', 'i']).stack(['g', 'r'])
        <StampSet: 3 stamps of 32 x 32 pixels in band g+r, float32, unit nJy>
        """
        from astro_wgan.cutouts.bands.stacking import stacked_arguments

        stamps = self._in_memory()
        chosen = names_of(stamps.bands) if bands is None else bands
        chosen = [chosen] if isinstance(chosen, (str, Integral)) else list(chosen)
        if not chosen:
            raise ValueError('`bands` must hold at least one band; got none.')
        stamps = type(stamps)(**band_arguments(stamps, chosen))
        return type(stamps)(**stacked_arguments(stamps, method=method, weights=weights))

    def remove_neighbors(
        self, neighbors='mask', *, stars='keep', detection=None, detect_in=None, progress=True
    ):
        """
        Mask the neighbors of the central source of each stamp, or replace them by sky.

        Parameters
        ----------
        neighbors : {'mask', 'replace', 'keep'} or `~astro_wgan.neighbors.NeighborConfig`, optional
            What happens to sources that are not connected with the central one; a NeighborConfig
            has deblending, engine and other options.
        stars : {'keep', 'mask'}, optional
            Whether point sources beside and on the galaxy are masked. Their width is that of the
            PSF, or measured from the point sources of all stamps.
        detection : `~astro_wgan.detection.DetectionConfig`, optional
            Configuration of the source detection.
        detect_in : int or str, optional
            Band in which sources are detected for all; by default the chi-squared image of all
            bands (see `stack`).
        progress : bool, optional
            Show a progress line.

        Returns
        -------
        `~astro_wgan.StampSet`
            With the columns ``n_neighbors``, ``neighbor_fraction`` and ``central_detected``, and
            ``n_stars``, ``star_fraction`` and ``central_star`` if stars are masked; the settings
            are in ``meta['neighbors_removed']``.

        Raises
        ------
        ValueError
            If an argument is out of range.
        astro_wgan.exceptions.DetectionError
            If the width of point sources is not known, and there are too few to measure it.

        See Also
        --------
        astro_wgan.StampSet.from_image : The same when stamps are cut, with sources at the edge of
            a stamp known as a whole.

        Notes
        -----
        Each stamp is searched by itself: its background and noise are measured in it. The central
        source is the one nearest to the center, within an eighth of the edge. If there is none,
        all detected sources are neighbors. Stamps without noise or usable pixels are left as
        they are. The result for a stamp depends on the seed and its number in the set, and on no
        other stamp.

        Examples
        --------
        >>> from astro_wgan import StampSet, datasets
        >>> image = datasets.load_image('mock_f814w')
        >>> stamps = StampSet.from_image(image, size=64, positions=[(143, 181), (81, 162)])
        >>> masked = stamps.remove_neighbors('mask', progress=False)
        >>> masked.table['n_neighbors'].tolist()
        [2, 2]
        """
        from astro_wgan.jobs.progress import ProgressLine
        from astro_wgan.neighbors.neighbor_config import as_neighbor_config
        from astro_wgan.neighbors.stamp_neighbors import (
            check_detect_in,
            meta_of_removal,
            removed_from_stamps,
            stellar_width,
        )

        config = as_neighbor_config(neighbors, stars)
        check_detect_in(detect_in, self.n_bands)
        stamps = self._in_memory()
        if not config.is_needed:
            return stamps[:]
        options = {'detection': detection, 'detect_in': detect_in}
        with ProgressLine('neighbors', quiet=not progress) as line:

            def tick(done):
                line.update(done / len(stamps), f'{done} of {len(stamps)} stamps')

            width = stellar_width(stamps, config, **options)
            changes = removed_from_stamps(stamps, config, width=width, tick=tick, **options)
        return stamps.replace(**changes, meta=meta_of_removal(stamps, config, **options))
