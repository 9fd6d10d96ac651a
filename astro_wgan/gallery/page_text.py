"""Text that others have written, as a page may show it: all of it visible, and not without end."""

import json
import re
from collections.abc import Mapping

__all__ = ['meta_text', 'visible']

#: Half of a surrogate pair, which no file holds, and control characters but tab and line feed.
_INVISIBLE = re.compile('[\ud800-\udfff\x00-\x08\x0b-\x1f\x7f-\x9f]')

#: Characters of a table's ``meta`` on the page, and levels of what is nested.
_MOST_TEXT = 2**20
_DEEPEST = 40

_CUT = '…'


def visible(text):
    """
    Text with a sign for each character that cannot be shown or written.

    Examples
    --------
    >>> from astro_wgan.gallery.page_text import visible
    >>> visible('a' + chr(0) + 'b')
    'a\ufffdb'
    """
    return _INVISIBLE.sub('\ufffd', text)


def meta_text(meta):
    """
    What a table's ``meta`` says, as indented JSON.

    Parameters
    ----------
    meta : mapping
        Of anything, also of itself: where a list or dictionary comes again within itself, or lies
        deeper than 40 levels, there is an ellipsis, and so there is after a million characters.

    Returns
    -------
    str
    """
    parts, room = [], _MOST_TEXT
    for part in _parts(meta, '\n', ()):
        parts.append(part[:room])
        room -= len(part)
        if room < 0:
            parts.append(f'\n{_CUT}')
            break
    return visible(''.join(parts))


def _parts(value, line, above):
    """The pieces of the text, one after the other, so that whoever joins them can end it."""
    is_mapping = isinstance(value, Mapping)
    if not is_mapping and not isinstance(value, (list, tuple, set, frozenset)):
        yield _scalar(value)
        return
    begin, end = '{}' if is_mapping else '[]'
    if id(value) in above or len(above) >= _DEEPEST:
        yield json.dumps(_CUT, ensure_ascii=False)
        return
    yield begin
    between = ''
    for item in value:
        yield f'{between}{line}  '
        if is_mapping:
            yield f'{json.dumps(_word(item), ensure_ascii=False)}: '
        yield from _parts(value[item] if is_mapping else item, f'{line}  ', (*above, id(value)))
        between = ','
    yield f'{line}{end}' if between else end


def _scalar(value):
    plain = value is None or isinstance(value, (bool, float, str))
    return json.dumps(value if plain else _number_or_word(value), ensure_ascii=False)


def _number_or_word(value):
    # Longer ones are refused by Python itself.
    return value if type(value) is int and value.bit_length() < 2**12 else _word(value)


def _word(value):
    try:
        return str(value)
    except Exception:  # whatever an object of somebody else raises
        return f'<{type(value).__name__}>'
