"""fitted_stretch: a stretch whose levels are known, fitted to stamps if it has none."""

from astro_wgan.stamps.intensity.stretch import Stretch

__all__ = ['fitted_stretch']


def fitted_stretch(stretch, stamps, *, seed=0):
    """
    A copy of a stretch that has been fitted, or a new one fitted to stamps.

    Parameters
    ----------
    stretch : `~astro_wgan.stamps.Stretch` or None
        None for the default parameters.
    stamps : `~astro_wgan.StampSet` or `~astro_wgan.store.StampStore`
        Used only if ``stretch`` has not been fitted.
    seed : int, optional
        As in `~astro_wgan.stamps.Stretch.fit`.

    Returns
    -------
    `~astro_wgan.stamps.Stretch`
    """
    stretch = Stretch() if stretch is None else stretch
    return stretch.copy() if stretch.is_fitted else stretch.clone().fit(stamps, seed=seed)
