"""`measure_residual_statistics`: losses and residual statistics of stamps, as a table."""

from dataclasses import asdict

import numpy as np
from astropy import units as u
from astropy.table import QTable

from astro_wgan.anomaly.combined_score import COLOR, FEATURES, INJECTION_LOG_ODDS, MIN_USED_FRACTION
from astro_wgan.anomaly.measuring.part_measurement import PartMeasurement
from astro_wgan.anomaly.measuring.scoring_pass import scoring_pass
from astro_wgan.anomaly.score_table import SCORE_COLUMNS
from astro_wgan.anomaly.scoring import ScoringConfig
from astro_wgan.anomaly.search.searched_parts import measure_in_parts
from astro_wgan.catalogs.columns import rename_conflicting_columns
from astro_wgan.jobs import (
    Fingerprint,
    describe_model,
    describe_settings,
    describe_stamps,
    digest_settings,
)
from astro_wgan.jobs.parallel import check_workers
from astro_wgan.jobs.provenance import provenance_record
from astro_wgan.store import as_stamps
from astro_wgan.units.brightness import unit_of_sum
from astro_wgan.wgan.fit_arguments import check_stamps

__all__ = ['measure_residual_statistics']

_COLUMNS = (
    'latent',
    'residual_loss',
    'feature_loss',
    'smoothed_residual',
    'peak_residual',
    'rotation_residual',
    'critic_value',
    'closest_flux',
    'noise_rms',
    'offset_x',
    'offset_y',
    'sky_level',
    'sky_slope_x',
    'sky_slope_y',
    'valid_fraction',
    'used_fraction',
    'iterations',
    'converged',
)

#: Part of the fingerprint: to be changed if masked stamps are measured in another way, so that
#: results of earlier versions are refused.
_MASKED = 'closest image, other bands, and the noise and sky of fewer pixels'


def measure_residual_statistics(
    searcher, stamps, *, scoring=None, progress=True, output=None, processes=1, client=None
):
    """
    Search for the closest image of each stamp and measure the residual.

    Parameters
    ----------
    searcher : `~astro_wgan.anomaly.LatentSearcher`
        Model and configuration of the search.
    stamps : `~astro_wgan.StampSet`, `~astro_wgan.store.StampStore` or path-like
        Images to measure, all that `~astro_wgan.store.as_stamps` takes.
    scoring : `~astro_wgan.anomaly.ScoringConfig`, optional
        Smoothing and weights of the residuals.
    progress : bool, optional
        Show a progress line.
    output : path-like, optional
        File that keeps the results. An interrupted call that is repeated with the same arguments
        goes on from it; results of other work are refused. Writing it takes a twentieth of the
        time.
    processes : int, optional
        Number of processes that work at the same time. TensorFlow uses all cores already in one.
    client : `dask.distributed.Client` or 'current', optional
        Cluster that works instead.

    Returns
    -------
    `~astropy.table.QTable`
        The columns of the stamps' table (one with the name of a column below is renamed:
        ``noise_rms`` becomes ``noise_rms_input``), then these. They are NaN for a stamp without a
        valid pixel. L_R and other terms are defined in `~astro_wgan.anomaly.ScoringConfig`.

        * ``paper_score``: L_A, the anomaly score of the paper;
        * ``residual_loss``, ``feature_loss``: L_R and L_F;
        * ``smoothed_residual``, ``peak_residual``, ``rotation_residual``: S, P and T;
        * ``color_residual``: C, with several bands;
        * ``critic_value``: C(x);
        * ``injection_log_odds``: log odds that an anomaly was injected, if there is a classifier;
        * ``closest_flux``: sum over the closest image, mean of its bands;
        * ``noise_rms``: standard deviation of the noise of a pixel, from second differences
          (`~astro_wgan.noise.estimate_noise_rms`), mean of the bands;
        * ``offset_x``, ``offset_y``: of the source from the center of its stamp, in pixels;
        * ``sky_level``, ``sky_slope_x``, ``sky_slope_y``: sky around it, in units of the noise (see
          `~astro_wgan.anomaly.stamp_conditions.measure_conditions`);
        * ``valid_fraction``: fraction of the pixels that are not masked;
        * ``used_fraction``: the same, with pixels of less than half of the weight counted in part,
          or the fraction of the light of the closest image in these pixels, whichever is less;
        * ``iterations``, ``converged``: of the search;
        * ``latent``: z of the closest image;
        * ``incomplete``: whether ``used_fraction`` is below 2/3. The p-value of such a stamp is too
          large rather than too small.

        ``meta`` holds configuration and provenance.

    Raises
    ------
    ValueError
        If ``output`` holds results of other work or is damaged, or ``processes`` is below 1.
    """
    check_workers(processes, client)
    scoring = ScoringConfig() if scoring is None else scoring
    stamps = as_stamps(stamps)
    check_stamps(searcher.wgan.network, stamps, searcher.wgan.bands_)
    scoring.check_size(searcher.wgan.network.size)
    columns = measure_in_parts(
        PartMeasurement(scoring),
        searcher,
        stamps,
        label='scoring',
        size=_part_size(searcher, scoring),
        progress=progress,
        output=output,
        fingerprint=None if output is None else _fingerprint(searcher, stamps, scoring),
        processes=processes,
        client=client,
    )
    return _table(stamps, columns, searcher, scoring)


def _part_size(searcher, scoring):
    """Number of stamps that are measured at a time."""
    if searcher.search.max_iterations == 1:
        return max(2 * searcher.search.batch_size, scoring_pass(searcher, scoring).batch_size)
    # More batches, since a search is slower while the last images of a part converge.
    return 4 * searcher.search.batch_size


def _columns(searcher):
    """Columns of the measurements of a model's stamps."""
    columns = [*_COLUMNS]
    if searcher.wgan.network.bands > 1:
        columns.insert(columns.index('rotation_residual') + 1, COLOR)
    if searcher.classifier is not None:
        columns.insert(columns.index('critic_value') + 1, INJECTION_LOG_ODDS)
    return tuple(columns)


def _table(stamps, columns, searcher, scoring):
    table = QTable(stamps.table, copy=True)
    wgan, search = searcher.wgan, searcher.search
    names = _columns(searcher)
    # Also those that this searcher does not measure: the score would take them for its own.
    others = (COLOR, INJECTION_LOG_ODDS, FEATURES)
    rename_conflicting_columns(
        table, ('paper_score', *names, *others, 'incomplete', *SCORE_COLUMNS)
    )
    if not columns:
        columns = {name: np.zeros(0) for name in names}
        columns['latent'] = np.zeros((0, wgan.network.latent_dim))
    gamma = search.gamma
    table['paper_score'] = gamma * columns['residual_loss'] + (1 - gamma) * columns['feature_loss']
    for name in (*names[1:], 'latent'):
        table[name] = columns[name]
    table['incomplete'] = table['used_fraction'] < MIN_USED_FRACTION
    if wgan.unit_ is not None:
        table['closest_flux'] = columns['closest_flux'] << unit_of_sum(wgan.unit_)
        table['noise_rms'] = columns['noise_rms'] << wgan.unit_
    for name in ('offset_x', 'offset_y'):
        table[name] = columns[name] << u.pix
    table.meta = {
        **table.meta,
        'search': asdict(search),
        'window': scoring.window_of(wgan.network.bands),
        'model': wgan.provenance_,
        'networks': digest_settings(_describe_networks(searcher)),
        'provenance': provenance_record(),
    }
    return table


def _fingerprint(searcher, stamps, scoring):
    # The window alone: how the score follows from the measurements can be changed afterwards.
    settings = describe_settings(
        {
            'search': searcher.search,
            'scoring': scoring.window_of(searcher.wgan.network.bands),
            'measured': _columns(searcher),
            'masked pixels': _MASKED,
        }
    )
    groups = {'settings': settings, 'model': _describe_networks(searcher)}
    return Fingerprint({'stamps': describe_stamps(stamps), **groups})


def _describe_networks(searcher):
    return describe_model(searcher.wgan, encoder=searcher.encoder, classifier=searcher.classifier)
