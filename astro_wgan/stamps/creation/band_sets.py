"""`set_of_bands`: stamps in several bands as one set, from what was cut of each band."""

from astro_wgan.stamps.set_arguments import joined_band_arguments

__all__ = ['set_of_bands']


def set_of_bands(kind, cuts, arrays, removed, *, detection):
    """
    A set of stamps in several bands, without their neighbors if these are removed.

    Parameters
    ----------
    kind : type
        `~astro_wgan.StampSet`.
    cuts, arrays, removed
        As from `~astro_wgan.cutouts.bands.images_of_bands.CutsOfBands.cut`.
    detection : `~astro_wgan.detection.DetectionConfig`
        Boxes of the background of stamps.

    Returns
    -------
    `~astro_wgan.StampSet`
    """
    # Not at the top: see `astro_wgan.stamps.base`.
    from astro_wgan.neighbors.stamp_neighbors import changes_of

    sets = {band: kind(**arguments) for band, arguments in cuts.items()}
    stamps = kind(**joined_band_arguments(sets, arrays))
    if removed is None:
        return stamps
    return stamps.replace(**changes_of(stamps, removed, detection))
