"""Descriptions of detectors in former formats, converted to the current one."""

import numpy as np

__all__ = ['FORMER_FORMATS', 'FORMER_WITH_MANIFEST', 'in_current_format']

#: All of them have former names. Format 8 also has fewer conditions, and held-out scores that were
#: not cross-fitted.
FORMER_FORMATS = ('astro_wgan detector 10', 'astro_wgan detector 9', 'astro_wgan detector 8')
#: The earlier ones may lack a manifest.
FORMER_WITH_MANIFEST = 'astro_wgan detector 10'

_SEARCH = {'start': 'init'}
_INIT = {'free': 'zeros'}
_SCORING = {
    'reach': 'weight_sigma',
    'turned_smoothing': 'rotation_smoothing',
    'turned_margin': 'rotation_margin',
}
_COLUMNS = {
    'structure': 'smoothed_residual',
    'turned': 'rotation_residual',
    'peak': 'peak_residual',
    'residual': 'residual_loss',
    'feature': 'feature_loss',
    'paper': 'paper_score',
}
_TREND = {
    'level_': 'mean_coefficients_',
    'scatter_': 'scatter_coefficients_',
    'least_scatter_': 'min_scatter_',
    'hundredth_': 'percentile_99_',
}
_NOISE = {'noise': 'noise_rms'}


def in_current_format(description):
    """
    Description of a detector with the names of the current format.

    Parameters
    ----------
    description : dict
        As read from the file, in the current or a former format.

    Returns
    -------
    dict

    Raises
    ------
    AttributeError, KeyError, TypeError
        If it does not have the structure of any format.
    """
    if description['format'] not in FORMER_FORMATS:
        return description
    search = _renamed(description['search'], _SEARCH)
    search['init'] = _INIT.get(search['init'], search['init'])
    scoring = _renamed(description['scoring'], _SCORING)
    scoring['statistic'] = _COLUMNS.get(scoring['statistic'], scoring['statistic'])
    calibration, trends, conditions = (
        description[name] for name in ('calibration', 'trends', 'conditions')
    )
    if calibration is not None:
        calibration = _renamed(calibration, _NOISE)
    if trends is not None:
        trends = {
            name: {'percentile_99_': np.inf, **_renamed(trend, _TREND)}
            for name, trend in _renamed(trends, _COLUMNS).items()
        }
    if conditions is not None:
        conditions = _renamed(conditions, _NOISE)
        if 'spreads' in conditions:
            conditions['spreads'] = _renamed(conditions['spreads'], _NOISE)
    return {
        **description,
        'search': search,
        'scoring': scoring,
        'calibration': calibration,
        'trends': trends,
        'conditions': conditions,
    }


def _renamed(values, names):
    return {names.get(key, key): value for key, value in values.items()}
