"""`label_sources`: segmentation of an image with SEP or photutils."""

from astro_wgan.detection.sep_detection import extract_sources, smoothed

__all__ = ['ENGINES', 'check_engine', 'label_sources']

ENGINES = ('sep', 'photutils')


def check_engine(engine):
    """
    Refuse the name of an engine that does not exist.

    Raises
    ------
    ValueError
        If it is none of `ENGINES`.
    """
    if engine not in ENGINES:
        raise ValueError(f'`engine` must be one of {ENGINES}; got {engine!r}.')


def label_sources(above_sky, bad, noise, detection, *, engine='sep'):
    """
    Segmentation image of a background-subtracted image.

    Parameters
    ----------
    above_sky, bad, noise, detection
        As in `~astro_wgan.detection.sep_detection.extract_sources`.
    engine : {'sep', 'photutils'}
        Library that detects and deblends.

    Returns
    -------
    `~numpy.ndarray` of int32, shape (ny, nx)
        0 for the background, 1, 2, ... for the sources.

    Raises
    ------
    DetectionError
        As in `~astro_wgan.detection.sep_detection.extract_sources`.
    """
    if engine == 'sep':
        return extract_sources(above_sky, bad, noise, detection)[1]
    # Imported here, since photutils is slow to import.
    from astro_wgan.detection.photutils_detection import segment_with_photutils

    smooth = smoothed(above_sky) if detection.smooth else above_sky
    segmentation = segment_with_photutils(smooth, noise, bad, detection)
    return (smooth * 0).astype('i4') if segmentation is None else segmentation.data
