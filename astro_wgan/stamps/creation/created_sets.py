"""Classmethods of `StampSet` that make sets of cutouts, and of stamps in several bands."""

from astro_wgan.stamps.consistency import check_stamps_type
from astro_wgan.stamps.set_arguments import joined_band_arguments

__all__ = ['CreatedSets']

# Modules with cutouts and images are imported in the methods that use them, as in
# `astro_wgan.stamps.base`.


class CreatedSets:
    """Classmethods of `~astro_wgan.StampSet` that make a set of other objects than one image."""

    @classmethod
    def from_bands(cls, sets):
        """
        Join sets of the same stamps in several bands.

        Parameters
        ----------
        sets : dict of `~astro_wgan.StampSet` or `~astro_wgan.StampStore`
            Plain images of the same stamps, on the same pixels, by the name of the band, or by
            its `~astro_wgan.stamps.Band`.

        Returns
        -------
        `~astro_wgan.StampSet`
            Table, WCS and pixel scale are those of the first set, to whose unit the others are
            converted. Each band keeps its wavelength, zero point and PSF.

        Raises
        ------
        ValueError
            If there is no set, names are not unique, or the sets differ in number, size, ids, or
            in whether they have an uncertainty.
        astropy.units.UnitConversionError
            If units do not convert.

        Examples
        --------
        >>> from astro_wgan import StampSet
        >>> from astro_wgan.testing import make_stamps
        >>> StampSet.from_bands({'g': make_stamps(5, seed=1), 'r': make_stamps(5, seed=2)})
        <StampSet: 5 stamps of 32 x 32 pixels, 2 bands (g, r), float32, unit nJy>
        """
        if not sets:
            raise ValueError('`sets` must hold at least one band; got none.')
        for stamps in sets.values():
            check_stamps_type(stamps, 'sets')
        sets = {
            band: stamps if isinstance(stamps, cls) else stamps[:] for band, stamps in sets.items()
        }
        return cls(**joined_band_arguments(sets))

    @classmethod
    def from_cutouts(
        cls,
        cutouts,
        *,
        mask=None,
        uncertainty=None,
        unit=None,
        pixel_scale=None,
        psf=None,
        table=None,
    ):
        """
        Stack a list of cutouts.

        Parameters
        ----------
        cutouts : sequence of `~astropy.nddata.Cutout2D` or `~astropy.nddata.NDData`
            At least one, all of the same shape. The data may be a `~astropy.units.Quantity`,
            masked, or both. Pixels of a Cutout2D outside its image are masked.
        mask, uncertainty : sequence of array_like or `~astropy.nddata.Cutout2D`, optional
            One per stamp. Masks are combined with those of the cutouts; uncertainties replace
            those of the cutouts.
        unit : unit-like, optional
            Unit of the set; that of the first cutout by default.
        pixel_scale, psf : optional
            As in `~astro_wgan.StampSet`.
        table : `~astropy.table.Table`, optional
            A row per stamp. By default ``id``, ``x``, ``y`` (the requested position of a Cutout2D
            in its image; the center of an NDData) and, if each has a celestial WCS, ``sky``.

        Returns
        -------
        `~astro_wgan.StampSet`

        Raises
        ------
        ValueError
            If the list is empty, shapes disagree, or only some cutouts have a unit or an
            uncertainty.
        TypeError
            If an entry is neither Cutout2D nor NDData.

        Examples
        --------
        >>> import numpy as np
        >>> from astropy.nddata import Cutout2D
        >>> from astro_wgan import StampSet
        >>> image = np.arange(10000.0).reshape(100, 100)
        >>> StampSet.from_cutouts([Cutout2D(image, (20, 30), 9), Cutout2D(image, (50, 60), 9)])
        <StampSet: 2 stamps of 9 x 9 pixels, float64>
        """
        from astro_wgan.cutouts.conversion import stacked_arguments

        stacked = stacked_arguments(
            cutouts,
            mask=mask,
            uncertainty=uncertainty,
            unit=unit,
            pixel_scale=pixel_scale,
            psf=psf,
            table=table,
        )
        return cls(**stacked)
