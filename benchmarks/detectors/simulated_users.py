"""Simulated users, who know the truth, label sources and have them ranked anew after every ten."""

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from scipy.spatial import cKDTree
from sklearn.ensemble import RandomForestRegressor
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import StratifiedKFold, cross_val_predict
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from astro_wgan.baselines import IsolationForestScore
from astro_wgan.labeling import RelevanceModel
from astro_wgan.labeling.principal_features import PrincipalFeatures
from benchmarks.detectors.labeled_pools import ARTIFACT, INTERESTING, ORDINARY

__all__ = ['USERS', 'Pool', 'ceiling_scores', 'draw_rows', 'labeling_session']

#: Labels between two rankings, and sources of the list that is judged.
STEP, LISTED = 10, 100
#: Of Astronomaly: the lowest rating and the range of ratings in its formula, and the highest.
_LOWEST, _RANGE, _RATINGS = 0.1, 0.85, 5.0


def draw_rows(sources, prevalence, seed):
    """
    Rows of a pool, in random order.

    Parameters
    ----------
    sources : `~benchmarks.detectors.labeled_pools.Sources`
    prevalence : float or None
        Interesting sources, and as many artifacts if there are any, for each ordinary one; None for
        nine tenths of all sources at their own mixture.
    seed : int
    """
    rng = np.random.default_rng(seed)
    if prevalence is None:
        return rng.permutation(len(sources))[: 9 * len(sources) // 10]
    ordinary = np.flatnonzero(sources.label == ORDINARY)
    count = max(1, round(prevalence * len(ordinary)))
    rare = [
        rng.permutation(np.flatnonzero(sources.label == label))[:count]
        for label in (INTERESTING, ARTIFACT)
    ]
    return rng.permutation(np.concatenate([ordinary, *rare]))


def ceiling_scores(sources, seed=0):
    """Log odds of being interesting, by logistic regression with all labels, five-fold."""
    terms = np.sign(sources.terms) * np.log1p(np.abs(sources.terms))
    inputs = np.column_stack([sources.features, terms])
    model = make_pipeline(
        StandardScaler(), LogisticRegression(C=0.01, class_weight='balanced', max_iter=3000)
    )
    folds = StratifiedKFold(5, shuffle=True, random_state=seed)
    wanted = sources.label == INTERESTING
    return cross_val_predict(model, inputs, wanted, cv=folds, method='decision_function')


@dataclass
class Pool:
    """
    Sources among which a user looks for interesting ones.

    Attributes
    ----------
    sources : `~benchmarks.detectors.labeled_pools.Sources`
    seed : int
        Of what is random in rankings and users.
    """

    sources: object
    seed: int

    @cached_property
    def blind(self):
        """Rows from the highest score on."""
        return np.argsort(-np.nan_to_num(self.sources.score, nan=-np.inf), kind='stable')

    def of(self, label):
        """Whether each source has a label."""
        return self.sources.label == label

    @cached_property
    def forest(self):
        """Scores of an isolation forest on principal components, from 0 to 5."""
        inputs = self.components
        score = np.asarray(IsolationForestScore(seed=self.seed).fit(inputs).score(inputs)['score'])
        return _RATINGS * (score - score.min()) / (score.max() - score.min())

    @cached_property
    def components(self):
        """Principal components of the features."""
        features = self.sources.features
        return np.nan_to_num(PrincipalFeatures().fit(features).transform(features))


# Rankings


def by_score(pool, known):
    """Log odds that do not depend on labels."""
    odds = np.empty(len(pool.blind))
    odds[pool.blind] = -np.arange(len(pool.blind))
    return odds


def by_labels(pool, known):
    """Log odds of this package."""
    labels = np.where(known, pool.sources.label, None)
    sources = pool.sources
    model = RelevanceModel()
    model.fit(sources.features, labels, score=sources.score, terms=sources.terms)
    return model.log_odds_


def by_astronomaly(pool, known):
    """
    Score of Astronomaly: an isolation forest, and regression of what users said.

    Lochner & Bassett 2021, Astron. Comput. 36, 100481, section 3.4: a random forest predicts the
    rating, which counts near labeled sources and not far from them.
    """
    rows = np.flatnonzero(known)
    rating = _RATINGS * pool.of(INTERESTING)[rows]
    forest = RandomForestRegressor(100, random_state=pool.seed).fit(pool.components[rows], rating)
    predicted = _LOWEST + _RANGE * forest.predict(pool.components) / _RATINGS
    distance = cKDTree(pool.components[rows]).query(pool.components)[0]
    return pool.forest * np.tanh(np.expm1(distance / distance.mean()) + np.arctanh(predicted))


# Users


def from_the_top(order, odds, rng):
    """The first."""
    return order[:STEP]


def half_unsure(order, odds, rng):
    """Half of them the first, half those of which the ranking is least sure."""
    first, others = np.split(order, [STEP // 2])
    unsure = np.argsort(np.abs(odds[others]), kind='stable')[: STEP - len(first)]
    return np.concatenate([first, others[unsure]])


def at_random(order, odds, rng):
    """Any."""
    return rng.permutation(order)[:STEP]


#: Rankings, and which sources the user labels next.
USERS = {
    'blind': (by_score, from_the_top),
    'labels': (by_labels, from_the_top),
    'labels, half of those least sure': (by_labels, half_unsure),
    'labels, at random': (by_labels, at_random),
    'Astronomaly': (by_astronomaly, from_the_top),
}


def labeling_session(pool, user, counts):
    """
    What a user has found after some numbers of labels.

    Parameters
    ----------
    pool : Pool
    user : str
        Of `USERS`.
    counts : sequence of int
        Numbers of labels, multiples of ten.

    Yields
    ------
    dict
        ``labels``; ``interesting`` and ``artifacts``, the numbers of them in the first 100 of the
        list, with what is known at its ends; ``found``, the share of all interesting ones that
        have been labeled; ``seen``, the number of interesting ones among those labeled and the
        next 100.
    """
    ranking, choice = USERS[user]
    rng = np.random.default_rng(pool.seed)
    wanted, known = pool.of(INTERESTING), np.zeros(len(pool.sources), bool)
    place = np.empty(len(known), int)
    place[pool.blind] = np.arange(len(known))
    # Astronomaly starts from its own score.
    odds = pool.forest if ranking is by_astronomaly else by_score(pool, known)
    while known.sum() < max(counts):
        order = np.lexsort((place, -odds))
        chosen = choice if known.any() or choice is at_random else from_the_top
        known[chosen(order[~known[order]], odds, rng)] = True
        odds = ranking(pool, known)
        if known.sum() not in counts:
            continue
        order = np.lexsort((place, -odds))
        following = order[~known[order]][:LISTED]
        # A user of the blind ranking has a list without what labels tell.
        group = np.where(known, np.where(wanted, -1, 1), 0) * (user != 'blind')
        listed = np.lexsort((place, -odds, group))[:LISTED]
        yield {
            'labels': int(known.sum()),
            'interesting': int(wanted[listed].sum()),
            'artifacts': int(pool.of(ARTIFACT)[listed].sum()),
            'found': wanted[known].sum() / wanted.sum(),
            'seen': int(wanted[known].sum() + wanted[following].sum()),
        }
