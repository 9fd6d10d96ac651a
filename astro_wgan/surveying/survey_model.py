"""Whether the model of a survey is calibrated, and fits bands, units and pixels of the tiles."""

import os
import sys
from dataclasses import replace

import numpy as np

from astro_wgan.cutouts.bands.detection_in_bands import CHI_SQUARED
from astro_wgan.jobs.progress import ProgressLine
from astro_wgan.stamps import StampSet

__all__ = ['check_model_fits', 'in_order_of_model', 'loaded_detector', 'making_for_bands']

#: Relative difference of pixel scales that is allowed.
_SCALE = 0.01


def loaded_detector(model, progress):
    """
    The detector of a survey, read from its folder if need be.

    Parameters
    ----------
    model : path-like or `~astro_wgan.AnomalyDetector`
    progress : bool
        Say that TensorFlow is loaded, which takes some seconds.

    Returns
    -------
    `~astro_wgan.AnomalyDetector`

    Raises
    ------
    ValueError
        If it has no calibration, or scores features that are given by the caller.
    TypeError
        If it is no detector.
    """
    is_quiet = not progress or 'tensorflow' in sys.modules
    with ProgressLine('loading the model', quiet=is_quiet) as line:
        line.update(0.0)
        from astro_wgan.anomaly import AnomalyDetector
        from astro_wgan.anomaly.combined_score import FEATURES

        if not isinstance(model, AnomalyDetector):
            if hasattr(model, 'generator_'):
                raise TypeError('`model` must be an AnomalyDetector or its folder; got a WGAN.')
            if not isinstance(model, (str, os.PathLike)):
                raise TypeError(
                    f'`model` must be an AnomalyDetector or its folder; got {type(model).__name__}.'
                )
            model = AnomalyDetector.load(model)
    if not hasattr(model, 'calibration_'):
        raise ValueError(
            '`model` must be calibrated, since p-values and thresholds are those of its '
            'calibration: call `calibrate` of the detector with held-out normals first.'
        )
    if FEATURES in model.trends_:
        raise ValueError(
            '`model` was calibrated with features of the caller, which a survey does not have: '
            'calibrate it without.'
        )
    return model


def in_order_of_model(tiles, detector, bands):
    """
    Tiles with their bands in the order of the model.

    Parameters
    ----------
    tiles : list of `~astro_wgan.surveying.tiles.survey_tiles.Tile`
    detector : `~astro_wgan.AnomalyDetector`
    bands : sequence of str or None
        Bands that the caller has chosen, which are not changed.

    Returns
    -------
    list of `~astro_wgan.surveying.tiles.survey_tiles.Tile`
    """
    names = tiles[0].bands if bands is None else None
    if names is None:
        return tiles
    known = [band.name for band in detector.wgan.bands_]
    if known and set(known) <= set(names):
        names = known
    return [
        replace(tile, images=tuple((name, dict(tile.images)[name]) for name in names))
        for tile in tiles
    ]


def making_for_bands(config, known, bands):
    """
    How the stamps of a survey are made, of tiles with some bands.

    Parameters
    ----------
    config : `~astro_wgan.SurveyConfig`
    known : `~astro_wgan.hunting.stamp_making.StampMaking` or None
        How those were made that a model was trained on; None if there is no such.
    bands : list of str or None
        Names of the bands of the tiles.

    Returns
    -------
    `~astro_wgan.hunting.stamp_making.StampMaking`

    Raises
    ------
    ValueError
        If the configuration wants others, sources to be detected in a band that there is not, or
        radii of a column.
    """
    making = config.making_like(known)
    if making.detect_in is not None and (not bands or len(bands) == 1):
        if config.detect_in is not None:
            raise ValueError(
                f'`detect_in` is for several bands; got one image, {config.detect_in!r}.'
            )
        making = replace(making, detect_in=None)
    if making.detect_in not in (None, CHI_SQUARED, *(bands or ())):
        raise ValueError(
            f'`detect_in` must be one of the bands {", ".join(bands)}, or {CHI_SQUARED!r}; got '
            f'{making.detect_in!r}.'
        )
    if making.scale is not None and not making.scale.is_measured:
        raise ValueError(
            'Of the catalog of a survey only ids and positions are read: the radius of `scale` '
            f"must be 'half_light' or 'kron', which are measured; got {making.scale.radius!r}."
        )
    making.check_bands(len(bands or ()))
    return making


def check_model_fits(detector, tiles, footprints):
    """
    Refuse tiles of another pixel scale, other bands or another unit than the model has.

    Parameters
    ----------
    detector : `~astro_wgan.AnomalyDetector`
    tiles : list of `~astro_wgan.surveying.tiles.survey_tiles.Tile`
    footprints : dict of `~astro_wgan.surveying.tiles.footprints.Footprint`
        By the names of tiles.

    Raises
    ------
    ValueError
    """
    wgan, checked = detector.wgan, set()
    size, known = wgan.network.size, wgan.pixel_scale_
    for tile in tiles:
        if tile.name not in footprints:
            continue
        footprint = footprints[tile.name]
        scale = footprint.pixel_scale
        if known is not None and scale is not None:
            ratio = (scale / known).to_value('')
            if abs(ratio - 1) > _SCALE:
                raise ValueError(
                    f'Tile {tile.name} has pixels of {scale:.4g}, `model` was trained on pixels of '
                    f'{known:.4g}: use a model of these pixels.'
                )
        unit = footprint.units[0]
        if str(unit) in checked:
            continue
        checked.add(str(unit))
        shape = (1, size, size) if tile.bands is None else (1, size, size, len(tile.bands))
        pixels = np.ones(shape, dtype=np.float32)
        try:
            wgan.images_from_stamps(StampSet(pixels, unit=unit or '', bands=tile.bands))
        except ValueError as error:
            raise ValueError(f'Tile {tile.name} does not fit `model`: {error}') from error
