"""The misfit of each stamp: L_R, L_F and the anomaly score as a table."""

import hashlib
import json
import zipfile
from dataclasses import asdict
from pathlib import Path

import numpy as np
from astropy.table import QTable

from astro_wgan.anomaly.search import LatentSearcher
from astro_wgan.files import replaced
from astro_wgan.progress import ProgressLine
from astro_wgan.provenance import record

__all__ = ['measure_misfit']

_COLUMNS = ('latent', 'residual', 'feature', 'critic', 'valid', 'iterations', 'converged')


def measure_misfit(wgan, stamps, *, search, progress=True, resume=None):
    """
    Search the closest image of each stamp and measure what it leaves.

    Parameters
    ----------
    wgan : `~astro_wgan.WGAN`
        Fitted model.
    stamps : `~astro_wgan.StampSet` or `~astro_wgan.stamps.StampStore`
        Images to judge.
    search : `~astro_wgan.anomaly.LatentSearch`
        How the closest image is looked for.
    progress : bool, optional
        Show a progress line.
    resume : path-like, optional
        File that keeps what has been measured, batch by batch; where it exists, the work goes on
        from it. It must belong to the same model, stamps and search.

    Returns
    -------
    `~astropy.table.QTable`
        The stamps' own columns, then ``score`` (AS), ``residual`` (L_R), ``feature`` (L_F),
        ``critic`` (C(x)), ``valid`` (share of the pixels that are not masked), ``iterations``,
        ``converged`` and ``latent`` (z of the closest image). A stamp without any valid pixel has
        NaN for its scores. ``meta`` holds the provenance.

    Raises
    ------
    ValueError
        If ``resume`` is a file of other work, or damaged.
    """
    searcher = LatentSearcher(wgan, search)
    size = min(search.batch_size, max(1, len(stamps)))
    fingerprint = _fingerprint(wgan, stamps, search)
    parts = _read_parts(resume, fingerprint)
    done = sum(len(part['valid']) for part in parts)
    with ProgressLine('scoring', quiet=not progress) as line:
        while done < len(stamps):
            line.update(done / len(stamps), f'{done} of {len(stamps)} stamps')
            batch = stamps[done : done + size]
            parts.append(_measure_batch(wgan, searcher, batch, size))
            done += len(batch)
            if resume is not None:
                _write_parts(resume, fingerprint, parts)
        line.update(1.0, f'{done} of {len(stamps)} stamps')
    return _table(stamps, parts, wgan, search)


def _measure_batch(wgan, searcher, batch, size):
    images, weights = wgan.images_from_stamps(batch)
    n = len(images)
    # A short last batch is filled up: another shape would be compiled anew, for seconds.
    fill = [(0, size - n)] + [(0, 0)] * 3
    found = searcher(np.pad(images, fill), np.pad(weights, fill))
    valid = weights.mean(axis=(1, 2, 3))
    blind = valid == 0
    return {
        'latent': found.latent[:n],
        'residual': np.where(blind, np.nan, found.residual[:n]),
        'feature': np.where(blind, np.nan, found.feature[:n]),
        'critic': np.where(blind, np.nan, wgan.critic_value(batch)),
        'valid': valid,
        'iterations': found.iterations[:n],
        'converged': found.converged[:n] & ~blind,
    }


def _table(stamps, parts, wgan, search):
    table = QTable(stamps.table, copy=True)
    if parts:
        columns = {name: np.concatenate([part[name] for part in parts]) for name in _COLUMNS}
    else:
        columns = {name: np.zeros(0) for name in _COLUMNS}
        columns['latent'] = np.zeros((0, wgan.network.latent))
    gamma = search.gamma
    table['score'] = gamma * columns['residual'] + (1 - gamma) * columns['feature']
    for name in (*_COLUMNS[1:], 'latent'):
        table[name] = columns[name]
    table.meta = {
        **table.meta,
        'search': asdict(search),
        'model': wgan.provenance_,
        'provenance': record(),
    }
    return table


def _fingerprint(wgan, stamps, search):
    digest = hashlib.sha256(np.asarray(stamps.table['id']).tobytes())
    for network in (wgan.generator_, wgan.critic_):
        for weight in network.get_weights():
            digest.update(weight.tobytes())
    return json.dumps({'model and stamps': digest.hexdigest(), 'search': asdict(search)})


def _read_parts(path, fingerprint):
    if path is None or not Path(path).exists():
        return []
    try:
        with np.load(path) as file:
            saved = {name: file[name] for name in file.files}
        known = str(saved.pop('fingerprint'))
        part = {name: saved[name] for name in _COLUMNS}
    except (OSError, ValueError, KeyError, EOFError, zipfile.BadZipFile) as error:
        raise ValueError(
            f'The file {path} does not hold scores, or it is damaged ({error}).'
        ) from error
    if known != fingerprint:
        raise ValueError(
            f'The scores in {path} belong to another model, other stamps or another search. '
            'Name another file, or remove this one to start anew.'
        )
    return [part]


def _write_parts(path, fingerprint, parts):
    joined = {name: np.concatenate([part[name] for part in parts]) for name in _COLUMNS}
    parts[:] = [joined]
    with replaced(path) as temporary, open(temporary, 'wb') as file:
        np.savez(file, fingerprint=np.array(fingerprint), **joined)
