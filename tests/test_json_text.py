import json

import pytest

from astro_wgan.json_text import JsonError, parse_json


def test_values_come_back():
    values = {'a': [1, 2.5, None, True, {'b': 'text'}], 'c': {}}
    assert parse_json(json.dumps(values).encode()) == values
    assert parse_json(b'{"a": Infinity}', finite=False) == {'a': float('inf')}


@pytest.mark.parametrize(
    ('content', 'message'),
    [
        (b'', 'is no JSON'),
        (b'\xff\xfe\xff', 'is no JSON'),
        (b'[1, 2]', 'no dictionary, but: list'),
        (b'null', 'no dictionary, but: NoneType'),
        (b'"x"', 'no dictionary, but: str'),
        (b'[' * 100_000, 'more than 50 lists or dictionaries deep'),
        (b'{"a":' * 60 + b'1' + b'}' * 60, 'more than 50 lists or dictionaries deep'),
        (b'{"a": [1, NaN]}', 'numbers that are not finite'),
        (b'{"a": 1e999}', 'numbers that are not finite'),
        (b'{"a": 1, "a": 2}', 'a name is there twice'),
        (b'{"a": ' + b'9' * 5000 + b'}', 'is no JSON'),
    ],
)
def test_other_text_is_refused(content, message):
    with pytest.raises(JsonError, match=message):
        parse_json(content)


def test_what_could_take_too_much_memory_is_refused_before_it_is_read():
    content = b'{"a": [' + b'{},' * 1000 + b'1]}'
    with pytest.raises(JsonError, match=r'would take 72,\d* bytes of memory; allowed are 72,000'):
        parse_json(content, max_size=72_000)
    assert len(parse_json(content, max_size=73_000)['a']) == 1001
