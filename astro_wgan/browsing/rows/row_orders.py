"""`RowOrders`: rows of results in the orders that a page can show them in, and its filters."""

import numpy as np

from astro_wgan.browsing.background_tasks import UnavailableError

__all__ = ['ORDERS', 'RowOrders']

#: Orders by name, and how a page calls them. Those with a colon take what follows it.
ORDERS = {
    'strangest': 'strangest first',
    'relevance': 'most relevant by the labels',
    'least-sure': 'least sure',
    'unlabeled': 'unlabeled first',
    'random': 'random',
    'similar:': 'most like a source',
    'column:': 'by a column',
}

#: Bounds of a probability that is least sure.
_EVEN = 0.5


class RowOrders:
    """
    Orders and filters of the rows of some results.

    Parameters
    ----------
    columns : dict of `~astro_wgan.gallery.cards.TableColumn`
        By name; changed by whoever adds columns.
    ids : list of str
    """

    def __init__(self, columns, ids):
        self._columns, self._ids = columns, ids

    def ordered(self, by, *, labeled, similar, seed=0):
        """
        All rows in an order.

        Parameters
        ----------
        by : str
            A name of `ORDERS`; with a colon followed by the number of a row, or the name of a
            column and perhaps ``:asc`` or ``:desc``.
        labeled : `~numpy.ndarray` of bool, shape (n,)
        similar : callable
            From a row to all rows, from the nearest on.
        seed : int
            Of the random order.

        Returns
        -------
        `~numpy.ndarray` of int

        Raises
        ------
        ValueError
            If there is no such order, or it needs labels that are not there yet.
        """
        n, kind, rest = len(self._ids), *_split(by)
        if kind == 'strangest':
            return np.arange(n)
        if kind == 'unlabeled':
            return np.argsort(labeled, kind='stable')
        if kind == 'random':
            return np.random.default_rng(seed).permutation(n)
        if kind == 'relevance':
            return _sorted(-self._relevance(), None)
        if kind == 'least-sure':
            return _sorted(np.abs(self._relevance() - _EVEN), None)
        if kind == 'similar:':
            return similar(row_number(rest, n))
        if kind == 'column:':
            return self._by_column(rest)
        raise ValueError(f'`by` must be one of {", ".join(ORDERS)}; got {by!r:.80}.')

    def chosen(self, *, ranges=(), texts=(), id_text='', labels=None, label_of=None):
        """
        Rows that pass all filters.

        Parameters
        ----------
        ranges : sequence of str
            ``'NAME:LEAST:MOST'``, of which either bound may be empty; of columns of truth values
            0 and 1.
        texts : sequence of str
            ``'NAME:TEXT'``: a column of texts contains this, in any case.
        id_text : str
            What ids contain.
        labels : sequence of str, optional
            Rows with one of these labels; an empty one for rows without.
        label_of : dict of str
            Labels by row.

        Returns
        -------
        `~numpy.ndarray` of bool, shape (n,)

        Raises
        ------
        ValueError
            If a filter cannot be read, or names no column.
        """
        chosen = np.ones(len(self._ids), dtype=bool)
        for text in ranges:
            chosen &= self._in_range(text)
        for text in texts:
            column, part = self._column_and_part(text)
            chosen &= _containing(column.values, part) & ~column.missing
        if id_text:
            chosen &= _containing(self._ids, id_text)
        if labels is not None:
            wanted = {row for row, label in label_of.items() if label in labels}
            with_label = np.zeros(len(chosen), dtype=bool)
            with_label[list(wanted)] = True
            if '' in labels:
                without = np.ones(len(chosen), dtype=bool)
                without[list(label_of)] = False
                with_label |= without
            chosen &= with_label
        return chosen

    def _column_and_part(self, text):
        """The column of texts that a filter names, and what it has to contain."""
        # Names of columns may hold colons, too.
        names = [name for name in [*self._columns] if text.startswith(f'{name}:')]
        name = max(names, key=len, default=text.partition(':')[0])
        return self._column(name, ('text',)), text[len(name) + 1 :]

    def _in_range(self, text):
        parts = text.rsplit(':', 2)
        if len(parts) != 3:
            raise ValueError(f'`filter` must be NAME:LEAST:MOST; got {text!r:.80}.')
        column = self._column(parts[0], ('number', 'flag'))
        values = column.values.astype(float)
        chosen = ~column.missing
        for bound, is_least in zip(parts[1:], (True, False), strict=True):
            if bound.strip():
                limit = _number(bound)
                # Comparisons with NaN are False, as for other missing values.
                chosen &= values >= limit if is_least else values <= limit
        return chosen

    def _by_column(self, text):
        name, _, way = text.rpartition(':')
        if way not in ('asc', 'desc') or name not in self._columns:
            name, way = text, ''
        column = self._column(name, ('number', 'flag', 'text'))
        descending = way == 'desc' if way else column.descending
        if column.kind == 'text':
            texts = np.where(column.missing, '', column.values).astype(str)
            key = np.unique(texts, return_inverse=True)[1].astype(float)
        else:
            key = column.values.astype(float)
        return _sorted(-key if descending else key, column.missing)

    def _relevance(self):
        column = self._columns.get('relevance')
        if column is None or column.kind != 'number':
            raise UnavailableError(
                'This order needs labels: rank again once five sources have one.'
            )
        return np.where(column.missing, np.nan, column.values)

    def _column(self, name, kinds):
        column = self._columns.get(name)
        if column is None or column.kind not in kinds:
            known = [key for key, each in [*self._columns.items()] if each.kind in kinds]
            raise ValueError(
                f'There is no column {name!r:.80} of kind {" or ".join(kinds)}; there are '
                f'{", ".join(known)}.'
            )
        return column


def row_number(text, n):
    """
    The number of a row from text.

    Raises
    ------
    ValueError
        If it is none from 0 to n - 1.
    """
    if not (text.isascii() and text.isdecimal() and len(text) < 10 and int(text) < n):
        raise ValueError(f'A row must be a whole number from 0 to {n - 1}; got {text!r:.80}.')
    return int(text)


def _split(by):
    name, colon, rest = by.partition(':')
    return name + colon, rest


def _sorted(key, missing):
    """Rows by a key in increasing order, those without one last."""
    if missing is not None:
        key = np.where(missing, np.nan, key)
    return np.argsort(key, kind='stable')


def _containing(texts, part):
    part = part.lower()
    return np.array([part in str(text).lower() for text in texts], dtype=bool)


def _number(text):
    try:
        value = float(text)
    except ValueError:
        raise ValueError(f'The bounds of a filter must be numbers; got {text!r:.80}.') from None
    if np.isnan(value):
        raise ValueError('The bounds of a filter must be numbers; got NaN.')
    return value
