"""The misfit of each stamp, by several measures, as a table."""

from dataclasses import asdict

import numpy as np
from astropy import units as u
from astropy.table import QTable

from astro_wgan.anomaly.calibration import LEVELS
from astro_wgan.anomaly.scoring import ENOUGH, Scoring
from astro_wgan.anomaly.stamp_conditions import measure_conditions
from astro_wgan.catalogs.columns import make_room
from astro_wgan.jobs import (
    Fingerprint,
    describe_model,
    describe_settings,
    describe_stamps,
    digest_settings,
)
from astro_wgan.jobs.progress import ProgressLine
from astro_wgan.jobs.provenance import provenance_record
from astro_wgan.jobs.resume import ResumeFile
from astro_wgan.noise import estimate_noise_rms
from astro_wgan.units.brightness import unit_of_sum
from astro_wgan.wgan.masked_pixels import MIN_WEIGHT, visible_fraction

__all__ = ['measure_misfit']

_COLUMNS = (
    'latent',
    'residual',
    'feature',
    'structure',
    'peak',
    'turned',
    'critic',
    'closest_flux',
    'noise',
    'offset_x',
    'offset_y',
    'sky_level',
    'sky_slope_x',
    'sky_slope_y',
    'valid',
    'used',
    'iterations',
    'converged',
)
#: What a table of scores has beside the misfit.
_JUDGMENT = (
    'score',
    'p_value',
    'q_value',
    *(f'anomalous_{level}' for level in LEVELS),
    'rank',
    'trained_on',
)

#: What networks see there. Other words here make files for resuming from earlier versions unfit:
#: to be changed with what is measured of stamps with masks.
_MASKED = 'closest image, and the noise and sky of fewer pixels'


def measure_misfit(searcher, stamps, *, scoring=None, progress=True, resume=None):
    """
    Search the closest image of each stamp and measure what it leaves.

    Parameters
    ----------
    searcher : `~astro_wgan.anomaly.LatentSearcher`
        Model, and how the closest image is looked for.
    stamps : `~astro_wgan.StampSet` or `~astro_wgan.store.StampStore`
        Images to judge.
    scoring : `Scoring`, optional
        Smoothing of the differences, and reach of ``structure``: its `~Scoring.window`.
    progress : bool, optional
        Show a progress line.
    resume : path-like, optional
        File that keeps what has been measured; where it exists, the work goes on from it. One of
        other stamps, another search or another model is refused. A twentieth of the time goes
        into writing it.

    Returns
    -------
    `~astropy.table.QTable`
        The stamps' own columns, of which one with the name of a measured one is renamed: ``peak``
        becomes ``peak_input``. Then ``paper_score`` (the paper's AS), ``residual`` (L_R),
        ``feature`` (L_F), ``structure`` (mean absolute residual after smoothing), ``peak``
        (largest difference of a pixel from the smoothed residual), ``turned`` (root mean square
        difference, smoothed, to the closest image turned by 180 degrees), ``critic`` (C(x)),
        ``closest_flux`` (sum over the closest image, a mean over its bands), ``noise`` (of a pixel
        of the stamp, from its finest structure, as `~astro_wgan.noise.estimate_noise_rms`),
        ``offset_x``, ``offset_y``, ``sky_level``, ``sky_slope_x`` and ``sky_slope_y`` (of the
        source from the center of its stamp, and of the sky around it: see
        `~astro_wgan.anomaly.stamp_conditions.measure_conditions`), ``valid`` (share of the pixels
        that are not masked), ``used`` (that share, with pixels of less than half of the weight in
        part, or the share of the light of the closest image that lies in them, whichever is less),
        ``iterations``, ``converged``, ``latent`` (z of the closest image) and ``incomplete``
        (whether ``used`` is below two thirds: its p-value is then too large rather than too small).
        A stamp without any valid pixel has NaN for its misfit. ``meta`` holds the provenance.

    Raises
    ------
    ValueError
        If ``resume`` is a file of other work, or damaged.
    """
    # Enough that few of the search's places stay empty at a batch's end.
    size = 4 * searcher.search.batch_size
    scoring = Scoring() if scoring is None else scoring
    fingerprint = None if resume is None else _fingerprint(searcher, stamps, scoring)
    with (
        ResumeFile(resume, fingerprint, total=len(stamps)) as kept,
        ProgressLine('scoring', quiet=not progress) as line,
    ):

        def report(done):
            line.update(done / max(1, len(stamps)), f'{done} of {len(stamps)} stamps')

        done = len(kept)
        report(done)
        while done < len(stamps):
            batch = stamps[done : done + size]
            kept.append(
                _measure_batch(searcher, batch, scoring, lambda k, done=done: report(done + k))
            )
            done = len(kept)
            report(done)
    return _table(stamps, kept.columns(), searcher, scoring)


def _measure_batch(searcher, batch, scoring, report):
    wgan = searcher.wgan
    images, weights = wgan.images_from_stamps(batch)
    found = searcher(images, weights, report=report)
    valid = batch.valid.reshape(weights.shape).mean(axis=(1, 2, 3))
    blind = ~weights.any(axis=(1, 2, 3))
    fluxes = wgan.stamps_from_images(found.closest, like=batch).pixels.reshape(images.shape)
    pixels = np.where(weights >= MIN_WEIGHT, batch.pixels.reshape(weights.shape), np.nan)
    pixels = pixels.reshape(batch.pixels.shape)
    noise = estimate_noise_rms(pixels)
    noise = noise.mean(axis=-1) if noise.ndim > 1 else noise
    return {
        'latent': found.latent,
        'residual': np.where(blind, np.nan, found.residual),
        'feature': np.where(blind, np.nan, found.feature),
        **scoring.measure(images, found.closest, weights, noise=searcher.noise),
        'critic': np.where(blind, np.nan, found.critic),
        'closest_flux': np.where(blind, np.nan, fluxes.sum(axis=(1, 2), dtype=float).mean(axis=-1)),
        'noise': _in_unit(noise, batch.unit, wgan.unit_),
        **measure_conditions(
            pixels,
            noise,
            closest=_in_unit(fluxes.reshape(pixels.shape), wgan.unit_, batch.unit),
        ),
        'valid': valid,
        'used': _used(weights, fluxes - np.asarray(wgan.stretch_.sky_, np.float32)),
        'iterations': found.iterations,
        'converged': found.converged & ~blind,
    }


def _in_unit(values, unit, wanted):
    if unit is None or wanted is None or unit == wanted:
        return values
    return (values * unit).to_value(wanted)


def _used(weights, fluxes):
    """The smaller of two shares: of the pixels, and of the light above the sky, that are used."""
    share, axes = visible_fraction(weights), (1, 2, 3)
    light = np.maximum(fluxes, 0).astype(float)
    total = light.sum(axis=axes)
    seen = np.divide(
        (share * light).sum(axis=axes), total, out=np.ones(len(total)), where=total > 0
    )
    return np.minimum(seen, share.mean(axis=axes, dtype=float))


def _table(stamps, columns, searcher, scoring):
    table = _own_columns(stamps.table)
    wgan, search = searcher.wgan, searcher.search
    if not columns:
        columns = {name: np.zeros(0) for name in _COLUMNS}
        columns['latent'] = np.zeros((0, wgan.network.latent_dim))
    gamma = search.gamma
    table['paper_score'] = gamma * columns['residual'] + (1 - gamma) * columns['feature']
    for name in (*_COLUMNS[1:], 'latent'):
        table[name] = columns[name]
    table['incomplete'] = table['used'] < ENOUGH
    if wgan.unit_ is not None:
        table['closest_flux'] = columns['closest_flux'] << unit_of_sum(wgan.unit_)
        table['noise'] = columns['noise'] << wgan.unit_
    for name in ('offset_x', 'offset_y'):
        table[name] = columns[name] << u.pix
    table.meta = {
        **table.meta,
        'search': asdict(search),
        'window': scoring.window,
        'model': wgan.provenance_,
        'networks': digest_settings(_describe_networks(searcher)),
        'provenance': provenance_record(),
    }
    return table


def _own_columns(table):
    """A copy of the stamps' table in which no column has the name of a measured one."""
    table = QTable(table, copy=True)
    make_room(table, ('paper_score', *_COLUMNS, 'incomplete', *_JUDGMENT))
    return table


def _fingerprint(searcher, stamps, scoring):
    # Not all of the scoring: how what is measured becomes a score can be changed afterwards.
    settings = describe_settings(
        {
            'search': searcher.search,
            'scoring': scoring.window,
            'measured': _COLUMNS,
            'masked pixels': _MASKED,
        }
    )
    groups = {'settings': settings, 'model': _describe_networks(searcher)}
    return Fingerprint({'stamps': describe_stamps(stamps), **groups})


def _describe_networks(searcher):
    return describe_model(searcher.wgan, encoder=searcher.encoder)
