"""`SimilarStamps`: stamps whose features are most like those of some, as a table."""

import os

import numpy as np
from astropy.table import QTable

from astro_wgan.anomaly.stamp_features.feature_table import StampFeatures
from astro_wgan.jobs.provenance import provenance_record
from astro_wgan.labeling.label_columns import rows_of_ids
from astro_wgan.labeling.principal_features import feature_rows
from astro_wgan.labeling.similar_rows import most_similar
from astro_wgan.store.stamp_inputs import is_stamps
from astro_wgan.validation.config_numbers import check_whole_number

__all__ = ['SimilarStamps']


class SimilarStamps(StampFeatures):
    """
    Stamps most like some, by the features of the networks of a detector.

    Parameters
    ----------
    wgan, search, scoring, encoder, classifier
        As for `~astro_wgan.AnomalyDetector`.
    """

    def similar(
        self, stamps, *, to, n=100, features=None, networks=None, positions=None, **options
    ):
        """
        The stamps most like one or several, from the nearest on.

        Parameters
        ----------
        stamps, positions
            As for `score`.
        to : id, array_like, slice or `~astro_wgan.StampSet`
            What they are to be like: ids of some of the stamps, which are then left out; a slice or
            booleans, by which their rows are chosen; or other stamps.
        n : int, optional
            Number of stamps, or fewer if there are no more.
        features : table or array_like, shape (n, d), optional
            What `features` has returned for these stamps, which takes by far most of the time.
        networks : sequence of {'critic', 'encoder', 'classifier'}, optional
            As for `features`.
        **options
            Further arguments of `features`, such as ``output``.

        Returns
        -------
        `~astropy.table.QTable`
            ``id`` and ``distance``, that of the features from their mean over the stamps that it is
            to be like (`~astro_wgan.labeling.most_similar`).

        Raises
        ------
        ValueError
            If an id is masked or not among the stamps, ``to`` is empty or its stamps have no valid
            pixel, ``n`` is below 1, or ``features`` do not fit the stamps.

        See Also
        --------
        astro_wgan.labeling.most_similar : the same of features in memory.

        Examples
        --------
        >>> import numpy as np
        >>> from astro_wgan import AnomalyDetector, StampSet, WGAN
        >>> stamps = StampSet(np.random.default_rng(1).normal(size=(64, 16, 16)))
        >>> wgan = WGAN.preset('compact', size=16).fit(stamps, iterations=1, progress=False)
        >>> detector = AnomalyDetector(wgan)
        >>> table = detector.similar(stamps, to=7, n=3, progress=False)
        >>> table.colnames, len(table)
        (['id', 'distance'], 3)
        """
        check_whole_number('n', n, 1)
        stamps = self._as_own_stamps(stamps, positions)
        if _are_stamps(to):
            given = self.features(to, networks=networks, **{**options, 'output': None})
            group = feature_rows(given)
        else:
            group = _rows(to, stamps.ids)
        if features is None:
            features = self.features(stamps, networks=networks, **options)
        features = feature_rows(features)
        if len(features) != len(stamps):
            raise ValueError(
                f'`features` must have a row for each of {len(stamps)} stamps; got {len(features)}.'
            )
        rows, distances = most_similar(features, group, n)
        meta = {'model': self.wgan.provenance_, 'provenance': provenance_record()}
        return QTable({'id': stamps.ids[rows], 'distance': distances}, meta=meta)


def _are_stamps(to):
    # A text is an id, even where there is a folder of that name.
    return not isinstance(to, (str, os.PathLike)) and is_stamps(to)


def _rows(to, ids):
    """Rows of ids, or those that a slice or booleans choose."""
    if isinstance(to, slice) or np.asarray(to).dtype == bool:
        return to
    return rows_of_ids(to, ids)
