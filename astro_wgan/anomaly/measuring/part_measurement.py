"""`PartMeasurement`: the measurements of a part of the stamps, in three steps."""

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from astro_wgan.anomaly.combined_score import INJECTION_LOG_ODDS
from astro_wgan.anomaly.measuring.scoring_pass import scoring_pass
from astro_wgan.anomaly.scoring import ScoringConfig
from astro_wgan.anomaly.search.searched_parts import SteppedMeasurement
from astro_wgan.anomaly.stamp_conditions import measure_conditions
from astro_wgan.noise import estimate_noise_rms
from astro_wgan.stamps import StampSet
from astro_wgan.wgan.masked_pixels import MIN_WEIGHT, visible_fraction

__all__ = ['PartMeasurement']

#: NaN for a stamp without a valid pixel.
_OF_NETWORKS = ('residual_loss', 'feature_loss', 'critic_value', INJECTION_LOG_ODDS)


class PreparedPart(NamedTuple):
    """A part of the stamps, and what the networks are given of it."""

    part: StampSet
    images: np.ndarray
    weights: np.ndarray


@dataclass(frozen=True)
class PartMeasurement(SteppedMeasurement):
    """
    Measurements of a part of the stamps.

    Parameters
    ----------
    scoring : `~astro_wgan.anomaly.ScoringConfig`
        Smoothing and weights of the residuals.
    """

    scoring: ScoringConfig

    def prepare(self, searcher, part):
        """Stamps as the networks read them."""
        return PreparedPart(part, *searcher.wgan.images_from_stamps(part))

    def compute(self, searcher, prepared, *, report):
        """What networks and residuals tell, batch by batch: see `ScoringPass`."""
        _, images, weights = prepared
        return scoring_pass(searcher, self.scoring)(images, weights, report=report)

    def finish(self, searcher, prepared, computed):
        """Columns of the measurements; ``iterations`` and ``converged`` are those of a search."""
        wgan, (part, images, weights) = searcher.wgan, prepared
        found = {
            name: np.concatenate([np.asarray(batch[name]) for batch in computed])
            for name in computed[0]
        }
        blind = ~weights.any(axis=(1, 2, 3))
        closest = found.pop('closest_images').reshape(part.pixels.shape)
        closest = wgan.stretch_.inverse(closest, like=part).reshape(images.shape)
        flux = closest.sum(axis=(1, 2), dtype=float).mean(axis=-1)
        pixels = part.pixels.reshape(weights.shape)
        used = weights >= MIN_WEIGHT
        if not used.all():
            pixels = np.where(used, pixels, np.nan)
        pixels = pixels.reshape(part.pixels.shape)
        noise = estimate_noise_rms(pixels)
        noise = noise.mean(axis=-1) if noise.ndim > 1 else noise
        for name in _OF_NETWORKS:
            if name in found:
                found[name] = np.where(blind, np.nan, found[name])
        return {
            **found,
            'closest_flux': np.where(blind, np.nan, flux),
            'noise_rms': _converted(noise, part.unit, wgan.unit_),
            **measure_conditions(
                pixels,
                noise,
                closest_images=_converted(closest.reshape(pixels.shape), wgan.unit_, part.unit),
            ),
            'valid_fraction': part.valid.reshape(weights.shape).mean(axis=(1, 2, 3)),
            'used_fraction': _used_fraction(
                weights, closest - np.asarray(wgan.stretch_.sky_, np.float32)
            ),
            'converged': found['converged'] & ~blind,
        }


def _converted(values, unit, wanted):
    if unit is None or wanted is None or unit == wanted:
        return values
    return (values * unit).to_value(wanted)


def _used_fraction(weights, closest):
    """Fraction of the pixels, or of the light above the sky, that is used, whichever is less."""
    fraction, axes = np.ones(len(weights)), (1, 2, 3)
    rows = np.flatnonzero((weights < MIN_WEIGHT).any(axis=axes))
    used = visible_fraction(weights[rows])
    light = np.maximum(closest[rows], 0).astype(float)
    total = light.sum(axis=axes)
    of_light = np.divide(
        (used * light).sum(axis=axes), total, out=np.ones(len(total)), where=total > 0
    )
    fraction[rows] = np.minimum(of_light, used.mean(axis=axes, dtype=float))
    return fraction
