"""American spelling, as in astropy, in code, tests and documentation."""

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]

#: British forms, in the middle of names with underscores, too.
BRITISH = re.compile(
    r"""(?ix) (?<![a-z]) (?:
        \w*colour\w* | cent(?:re|res|red|ring) | grey\w* | \w*neighbour\w* | artefact\w*
        | catalogue\w* | licence\w* | \w*behaviour\w* | favour\w* | \w*metres? | honour\w*
        | (?:normal|optim|initial|standard|general|minim|maxim|regular|summar|organ|recogn|real
          |visual|parametr|penal|util|character|categor|emphas|critic|discret|synchron|local
          |randomi|vector|quant|token|memor|factor|symbol|special|final|capital|serial|neutral)
          is(?:e|es|ed|ing|ation|ations)
        | analys(?:e|ed|es|ing) | modell\w+ | label(?:led|ling) | travell\w+ | cancell(?:ed|ing)
        | learnt | whilst | amongst | per[ ]cent | discs? | towards | programme | judgement
        | fulfil | grey | tyre | sceptic\w* | ageing | mould | plough | storey
    ) (?![a-z])"""
)

#: Lines with names of others, with words that are read from files, and with keys of seeds.
ALLOWED = re.compile(
    r"""(?x)
        Storey-Fisher | normalisation_method | source_catalogue | skip_catalogue_validation
        | metre[ ]metres | 'artifact':[ ]'artefact'
    """
)

#: Files that hold British names on purpose: former names, and texts of others.
EXCEPT = {
    'docs/development/renamed.csv',
    'tests/test_spelling.py',
}

KINDS = {'.py', '.rst', '.ipynb', '.cfg', '.toml', '.html', '.js', '.css', '.cff', '.json'}


def files():
    for name in ('astro_wgan', 'tests', 'docs', 'benchmarks'):
        for path in sorted((ROOT / name).rglob('*')):
            if path.suffix in KINDS and not {'_build', 'api', 'data'} & {*path.parts}:
                yield path
    yield from sorted(ROOT.glob('*.rst'))
    yield from (ROOT / name for name in ('setup.cfg', 'tox.ini', 'CITATION.cff'))


def british(path):
    for number, line in enumerate(path.read_text(encoding='utf-8').splitlines(), 1):
        for match in BRITISH.finditer(line):
            if not ALLOWED.search(line):
                yield f'{path.relative_to(ROOT)}:{number}: {match[0]}'


@pytest.mark.skipif(not (ROOT / 'setup.cfg').exists(), reason='the source is not beside the tests')
def test_spelling_is_american():
    paths = [path for path in files() if path.relative_to(ROOT).as_posix() not in EXCEPT]
    assert [found for path in paths for found in british(path)] == []


@pytest.mark.parametrize('word', ['colour', 'centre', 'neighbours', 'optimise', 'per cent', 'disc'])
def test_british_words_are_found(word):
    assert BRITISH.search(f'the {word} of it')
    assert BRITISH.search(f'the_{word.replace(" ", "_")}' if ' ' not in word else word)


@pytest.mark.parametrize('word', ['center', 'discover', 'discrete', 'precise', 'raise', 'exercise'])
def test_american_words_are_not(word):
    assert not BRITISH.search(word)
