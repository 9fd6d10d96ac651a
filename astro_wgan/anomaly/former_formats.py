"""Descriptions of detectors in former formats, converted to the current one."""

import numpy as np

from astro_wgan.files.former_names import FORMER_NAMES, current_names

__all__ = ['FORMER_FORMATS', 'FORMER_WITH_MANIFEST', 'in_current_format']

#: Format 12 has no tail probabilities, and format 11 no classifier. The earlier ones have former
#: names, too; format 8 also has fewer conditions, and held-out scores that were not cross-fitted.
FORMER_FORMATS = tuple(f'astro_wgan detector {number}' for number in (12, 11, 10, 9, 8))
#: The earlier ones may lack a manifest.
FORMER_WITH_MANIFEST = FORMER_FORMATS[:3]

#: Of values of ``init`` in a search.
_INIT = {'free': 'zeros'}


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
        A detector of format 12 with a classifier has no calibration: its scores are of residuals
        alone.

    Raises
    ------
    AttributeError, KeyError, TypeError, ValueError
        If it does not have the structure of any format.
    """
    if description['format'] not in FORMER_FORMATS:
        return description
    if description['format'] == FORMER_FORMATS[0]:
        if description['classifier'] is None:
            return description
        return {**description, **dict.fromkeys(('calibration', 'trends', 'conditions'))}
    description = {**description, 'classifier': None}
    if description['format'] == FORMER_FORMATS[1]:
        return description
    search = current_names(description['search'], 'search')
    search['init'] = _INIT.get(search['init'], search['init'])
    scoring = current_names(description['scoring'], 'scoring')
    scoring['statistic'] = FORMER_NAMES['statistics'].get(
        scoring['statistic'], scoring['statistic']
    )
    calibration, trends, conditions = (
        description[name] for name in ('calibration', 'trends', 'conditions')
    )
    if calibration is not None:
        calibration = current_names(calibration, 'calibration')
    if trends is not None:
        trends = {
            name: {'percentile_99_': np.inf, **current_names(trend, 'trend')}
            for name, trend in current_names(trends, 'statistics').items()
        }
    if conditions is not None:
        conditions = current_names(conditions, 'conditions')
        if 'spreads' in conditions:
            conditions['spreads'] = current_names(conditions['spreads'], 'conditions')
    return {
        **description,
        'search': search,
        'scoring': scoring,
        'calibration': calibration,
        'trends': trends,
        'conditions': conditions,
    }
