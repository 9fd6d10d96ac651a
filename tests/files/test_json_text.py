import json
import subprocess
import sys

import pytest

from astro_wgan.exceptions import JSONError
from astro_wgan.files.json_text import load_json, parse_json


def test_values_come_back():
    values = {'a': [1, 2.5, None, True, {'b': 'text'}], 'c': {}}
    assert parse_json(json.dumps(values).encode()) == values
    assert parse_json(b'{"a": Infinity}', finite=False) == {'a': float('inf')}


@pytest.mark.parametrize(
    ('content', 'message'),
    [
        (b'', 'is not JSON'),
        (b'\xff\xfe\xff', 'is not JSON'),
        (b'[1, 2]', 'a list, not a dictionary'),
        (b'null', 'a NoneType, not a dictionary'),
        (b'"x"', 'a str, not a dictionary'),
        (b'[' * 100_000, 'nested more than 50 levels deep'),
        (b'{"a":' * 60 + b'1' + b'}' * 60, 'nested more than 50 levels deep'),
        (b'{"a": [1, NaN]}', 'numbers that are not finite'),
        (b'{"a": 1e999}', 'numbers that are not finite'),
        (b'{"a": 1, "a": 2}', 'a key is repeated'),
        (b'{"a": ' + b'9' * 5000 + b'}', 'is not JSON'),
    ],
)
def test_other_text_is_refused(content, message):
    with pytest.raises(JSONError, match=message):
        parse_json(content)


def test_what_could_take_too_much_memory_is_refused_before_it_is_read():
    content = b'{"a": [' + b'{},' * 1000 + b'1]}'
    with pytest.raises(JSONError, match=r'would take 72,\d* bytes of memory; allowed are 72,000'):
        parse_json(content, max_size=72_000)
    assert len(parse_json(content, max_size=73_000)['a']) == 1001


DEEP = """
import sys

from astro_wgan.files.json_text import JSONError, load_json

sys.setrecursionlimit(10**6)
for text in ('[' * 10**5, '{"a":' * 10**5, b'"\\\\"", [[' + b'[' * 10**5):
    try:
        load_json(text)
    except JSONError:
        print('refused')
"""


def test_no_depth_ends_the_process_where_a_package_lets_python_recurse():
    command = [sys.executable, '-c', DEEP]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout.split()) == (0, 3 * ['refused'])


def test_brackets_in_texts_are_no_depth():
    assert load_json('{"a": "[[[\\"' + '[' * 100 + '"}') == {'a': '[[["' + 100 * '['}
    assert load_json(json.dumps(50 * [[1]])) == 50 * [[1]]
