"""Text of unknown origin for a page: control characters replaced, length limited."""

import json
import re
from collections.abc import Mapping

__all__ = ['harmless', 'meta_text', 'visible']

#: Surrogates, which cannot be written to a file, and control characters except tab and line feed.
_INVISIBLE = re.compile('[\ud800-\udfff\x00-\x08\x0b-\x1f\x7f-\x9f]')

#: What a spreadsheet computes, also after blanks and quotes, unless it is a number; as in text.js.
_FORMULA = re.compile(
    r'[\s"\'\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufffd]*[=+\-@\uff1d\uff0b\uff0d\uff20]|[\t\r\n]'
)
_NEGATIVE = re.compile(r'-(\d+\.?\d*|\.\d+)(e[+-]?\d+)?', re.IGNORECASE)

#: Maximum number of characters, and depth of nesting, of the ``meta`` of a table.
_MAX_TEXT = 2**20
_MAX_DEPTH = 40

_CUT = '…'


def visible(text):
    """
    Text with a replacement character for each one that cannot be shown or written.

    Examples
    --------
    >>> from astro_wgan.gallery.page_text import visible
    >>> visible('a' + chr(0) + 'b')
    'a\ufffdb'
    """
    return _INVISIBLE.sub('\ufffd', text)


def harmless(text):
    """
    Text that a spreadsheet shows and does not compute: an apostrophe precedes a formula.

    Examples
    --------
    >>> from astro_wgan.gallery.page_text import harmless
    >>> harmless('=1+1'), harmless('-3.5')
    ("'=1+1", '-3.5')
    """
    is_formula = _FORMULA.match(text) and not _NEGATIVE.fullmatch(text)
    return f"'{text}" if is_formula else text


def meta_text(meta):
    """
    The ``meta`` of a table as indented JSON.

    Parameters
    ----------
    meta : mapping
        With values of any type. An ellipsis replaces a list or dictionary that contains itself or
        is nested deeper than 40 levels, and what follows a million characters.

    Returns
    -------
    str
    """
    parts, room = [], _MAX_TEXT
    for part in _parts(meta, '\n', ()):
        parts.append(part[:room])
        room -= len(part)
        if room < 0:
            parts.append(f'\n{_CUT}')
            break
    return visible(''.join(parts))


def _parts(value, line, above):
    """The parts of the text one by one, so that the caller can stop."""
    is_mapping = isinstance(value, Mapping)
    if not is_mapping and not isinstance(value, (list, tuple, set, frozenset)):
        yield _scalar(value)
        return
    begin, end = '{}' if is_mapping else '[]'
    if id(value) in above or len(above) >= _MAX_DEPTH:
        yield json.dumps(_CUT, ensure_ascii=False)
        return
    yield begin
    between = ''
    for item in value:
        yield f'{between}{line}  '
        if is_mapping:
            yield f'{json.dumps(_as_text(item), ensure_ascii=False)}: '
        yield from _parts(value[item] if is_mapping else item, f'{line}  ', (*above, id(value)))
        between = ','
    yield f'{line}{end}' if between else end


def _scalar(value):
    plain = value is None or isinstance(value, (bool, float, str))
    return json.dumps(value if plain else _number_or_text(value), ensure_ascii=False)


def _number_or_text(value):
    # Python refuses to convert longer integers to text.
    return value if type(value) is int and value.bit_length() < 2**12 else _as_text(value)


def _as_text(value):
    try:
        return str(value)
    except Exception:  # of any kind, from an object of an unknown class
        return f'<{type(value).__name__}>'
