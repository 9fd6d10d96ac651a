"""inject_anomalies: stamps of normal galaxies with anomalies in them."""

import numpy as np

from astro_wgan.injection import added_light, altered_light
from astro_wgan.injection.host_galaxies import HostGalaxies
from astro_wgan.injection.injection_config import InjectionConfig
from astro_wgan.store import as_stamps
from astro_wgan.validation.seeds import check_seed, random_stream

__all__ = ['inject_anomalies']

_CHANGES = {
    **{name: getattr(added_light, name) for name in added_light.__all__},
    **{name: getattr(altered_light, name) for name in altered_light.__all__},
}


def inject_anomalies(stamps, closest_images, *, config=None, seed=0):
    """
    Inject anomalies into stamps of normal galaxies.

    Parameters
    ----------
    stamps : `~astro_wgan.StampSet`, `~astro_wgan.StampStore` or path-like
        Normal galaxies, or anything else that `~astro_wgan.store.as_stamps` takes.
    closest_images : `~astro_wgan.StampSet`
        Their closest images, as of `AnomalyDetector.closest_images`, in the same order and unit.
    config : `InjectionConfig`, optional
        What is injected.
    seed : int, optional
        Seed of all that is drawn. What a stamp gets does not depend on how many there are.

    Returns
    -------
    `~astro_wgan.StampSet`
        As many stamps, of which mask and uncertainty are those of the given ones. The table has two
        more columns: ``injected``, the kinds of anomalies, separated by commas; and
        ``injected_flux``, the sum of the absolute values of the change, as a fraction of the light
        of the galaxy.

    Raises
    ------
    ValueError
        If the closest images are not as many, or of another size or number of bands.

    Notes
    -----
    Anomalies that are to teach a network anything must not differ from real ones in the noise.
    Companions are therefore closest images of other galaxies, without noise, and distortions move
    the closest image alone; the noise of the stamp stays everywhere as it was. In stamps that were
    clipped at a maximum, so is what is added. The noise of photons of what is added is neglected.

    After CutPaste (Li et al. 2021, arXiv:2104.04015) and DRAEM (Zavrtanik et al. 2021,
    arXiv:2108.07610).

    Examples
    --------
    >>> import numpy as np
    >>> from astro_wgan import StampSet
    >>> from astro_wgan.injection import InjectionConfig, inject_anomalies
    >>> y, x = np.mgrid[:32, :32] - 15.5
    >>> galaxies = np.stack([100 * np.exp(-0.1 * (x**2 + y**2) / k) for k in (1, 2)])
    >>> noise = np.random.default_rng(1).normal(size=galaxies.shape)
    >>> stamps = StampSet(galaxies + noise)
    >>> config = InjectionConfig(('ring',), max_count=1)
    >>> strange = inject_anomalies(stamps, StampSet(galaxies), config=config)
    >>> strange.table['injected'].tolist()
    ['ring', 'ring']
    """
    check_seed(seed)
    config = InjectionConfig() if config is None else config
    stamps = as_stamps(stamps)[:]
    shape = stamps.pixels.shape
    if closest_images.pixels.shape != shape:
        raise ValueError(
            f'`closest_images` must have the shape of the stamps, {shape}; '
            f'got {closest_images.pixels.shape}.'
        )
    cube = (*shape[:3], 1) if len(shape) == 3 else shape
    pixels = np.where(stamps.valid, stamps.pixels, np.nan).reshape(cube)
    hosts = HostGalaxies.from_images(pixels, closest_images.pixels.reshape(cube))
    changed, kinds, fluxes = np.empty(cube, stamps.pixels.dtype), [], np.empty(len(stamps))
    for k in range(len(stamps)):
        change, names = draw_change(random_stream(seed, k), hosts, k, config)
        changed[k] = stamps.pixels[k].reshape(cube[1:]) + change
        kinds.append(','.join(names))
        light = np.abs(hosts.light[k]).sum()
        fluxes[k] = np.abs(change).sum() / light if light > 0 else np.nan
    top = clipped_at(stamps)
    changed = np.minimum(changed, top) if np.isfinite(top) else changed
    table = stamps.table.copy()
    table['injected'], table['injected_flux'] = kinds, fluxes
    return stamps.replace(pixels=changed.reshape(shape), table=table)


def draw_change(rng, hosts, k, config):
    """
    What is to be added to a stamp.

    Parameters
    ----------
    rng : `~numpy.random.Generator`
    hosts : `HostGalaxies`
    k : int
        Which of them.
    config : `InjectionConfig`

    Returns
    -------
    change : `~numpy.ndarray`, shape (ny, nx, bands)
    kinds : list of str
    """
    count = rng.integers(1, config.max_count + 1)
    kinds = [config.kinds[n] for n in rng.integers(len(config.kinds), size=count)]
    return sum(_CHANGES[kind](rng, hosts, k, config) for kind in kinds), kinds


def clipped_at(stamps):
    """The maximum that stamps were clipped at; infinite if they were not."""
    pixels = stamps.pixels[stamps.valid]
    if not pixels.size:
        return np.inf
    top = pixels.max()
    return top if np.mean(pixels == top) > 1e-4 else np.inf
