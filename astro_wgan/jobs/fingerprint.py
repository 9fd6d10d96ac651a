"""`Fingerprint`: whether a computation is the same as an earlier one, or what has changed."""

import json
from dataclasses import dataclass

import numpy as np

from astro_wgan.files.json_text import load_json
from astro_wgan.jobs.digests import is_digest

__all__ = ['Fingerprint']

#: To be increased when results of former versions must not be resumed: when fingerprints record
#: more, or when the same inputs give other results.
_FORMAT = 'astro_wgan fingerprint 1'

_FORMER = (
    'was written by a former version of astro_wgan, which did not record enough to tell whether '
    'the work is the same'
)

#: Number of changes that are listed, and characters of each value.
_MOST, _LONGEST = 4, 80

#: If one of these differs, all arrays differ, too.
_SHAPE = {'count', 'size', 'band count'}

#: Groups that are singular: "another model", but "other stamps".
_SINGLE = ('catalog', 'instrument', 'model', 'sky', 'initial model')


@dataclass(frozen=True, eq=False)
class Fingerprint:
    """
    The inputs that identify a computation: stamps, settings, model.

    It is saved with the results, and tells whether a later call asks for the same computation.

    Parameters
    ----------
    groups : dict of dict
        Plain values and digests, as returned by `describe_stamps`, `describe_settings` and
        `describe_networks`, by group, such as ``'stamps'``, ``'settings'`` and ``'model'``. Their
        names appear in messages.

    Examples
    --------
    >>> import numpy as np
    >>> from astro_wgan import StampSet
    >>> from astro_wgan.jobs import Fingerprint, describe_settings, describe_stamps
    >>> stamps = StampSet(np.ones((5, 32, 32)))
    >>> settings = {'threshold': 3}
    >>> work = Fingerprint({'stamps': describe_stamps(stamps), 'settings': settings})
    >>> other = StampSet(np.ones((5, 32, 32)), mask=np.eye(32)[np.newaxis].repeat(5, axis=0))
    >>> again = Fingerprint({'stamps': describe_stamps(other), 'settings': {'threshold': 2}})
    >>> again.mismatch(work.to_json())
    'belongs to other stamps: they had no masks, and have some; and to other settings: `threshold`
    was 3 and is 2'
    """

    groups: dict

    def to_dict(self):
        """Plain values, to be saved with the results."""
        # Through JSON, which turns tuples into lists, to be comparable with what is read.
        return json.loads(json.dumps({'format': _FORMAT, **self.groups}, default=_as_json))

    def to_json(self):
        """The same as JSON text."""
        return json.dumps(self.to_dict(), sort_keys=True)

    def mismatch(self, known, *, optional=()):
        """
        How this computation differs from an earlier one.

        Parameters
        ----------
        known : dict or str
            Output of `to_dict` or `to_json` of the fingerprint of the earlier call.
        optional : sequence of str, optional
            Groups that are compared only if both fingerprints have them.

        Returns
        -------
        str or None
            None if it is the same. Otherwise a phrase to follow the name of a file, such as
            ``belongs to other stamps: their pixels differ``.
        """
        if not isinstance(known, dict):
            try:
                known = load_json(str(known))
            except ValueError:
                known = None
        if not isinstance(known, dict) or known.get('format') != _FORMAT:
            return _FORMER
        known = {group: values for group, values in known.items() if isinstance(values, dict)}
        mine = self.to_dict()
        changes = []
        del mine['format']
        for group in dict.fromkeys((*mine, *known)):
            if group in optional and not (group in mine and group in known):
                continue
            changed = _changes(group, known.get(group, {}), mine.get(group, {}))
            if changed:
                other = 'another' if group in _SINGLE else 'other'
                changes.append(f'to {other} {group}: {changed}')
        return f'belongs {"; and ".join(changes)}' if changes else None


def _as_json(value):
    if isinstance(value, np.generic):
        return value.item()
    raise TypeError(f'A fingerprint must consist of plain values; got {value!r}.')


def _changes(group, known, mine):
    """The differences of a group in words, or an empty string."""
    names = [
        name for name in dict.fromkeys((*mine, *known)) if _text(known, name) != _text(mine, name)
    ]
    if group != 'settings' and not _SHAPE.isdisjoint(names):
        both = known.keys() & mine.keys()
        names = [name for name in names if name in both and not _has_digest(known, mine, name)]
    nouns = [name for name in names if is_digest(known.get(name)) and is_digest(mine.get(name))]
    parts = [_listed(group, nouns)] if nouns else []
    parts += [_sentence(group, name, known, mine) for name in names if name not in nouns]
    return ', '.join(_first(parts))


def _first(parts):
    more = [f'and {len(parts) - _MOST} more'] if len(parts) > _MOST else []
    return [*parts[:_MOST], *more]


def _text(values, name):
    return json.dumps(values.get(name)) if name in values else None


def _has_digest(known, mine, name):
    return is_digest(known.get(name)) or is_digest(mine.get(name))


def _listed(group, nouns):
    names = [_called(group, name) for name in nouns]
    verb = 'differ' if len(names) > 1 or _is_plural(names[0]) else 'differs'
    if 1 < len(names) <= _MOST:
        names = [*names[:-2], ' and '.join(names[-2:])]
    return f'{_owner(group, names[0])}{", ".join(_first(names))} {verb}'


def _sentence(group, name, known, mine):
    if group != 'settings' and name == 'count':
        return f'there were {known.get(name)} of them, and are {mine.get(name)}'
    if group.endswith('stamps') and _has_digest(known, mine, name):
        article, one = ('', 'some') if name.endswith('s') else ('a ', 'one')
        if mine.get(name) is None:
            return f'they had {article}{name}, and have none'
        return f'they had no {name}, and have {one}'
    before, now = (_shown(group, values, name) for values in (known, mine))
    called = _called(group, name)
    was, is_ = ('were', 'are') if _is_plural(called) else ('was', 'is')
    return f'{_owner(group, called)}{called} {was} {before} and {is_} {now}'


def _shown(group, values, name):
    if name not in values:
        return 'not there'
    value = values[name]
    if is_digest(value):
        return 'given' if group in _SINGLE else 'an array'
    text = repr(value) if isinstance(value, str) or value is None else json.dumps(value)
    return text if len(text) <= _LONGEST else f'{text[:_LONGEST]}...'


def _owner(group, called):
    if group == 'settings' or called.startswith('the '):
        return ''
    return 'its ' if group in _SINGLE else 'their '


def _called(group, name):
    return f'`{name}`' if group == 'settings' else name


def _is_plural(called):
    return called.lower().endswith('s')
