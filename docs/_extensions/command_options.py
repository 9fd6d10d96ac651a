"""
``.. command-options:: NAME``: what a command of ``astro-wgan`` does, its options and its examples.

They are those of its parser, so that the page has all of them. Configurations that a file of
``--config`` may hold are named, too.
"""

from sphinx.util.docutils import SphinxDirective

from astro_wgan.cli import make_parser

#: Options of all commands, which the page has once.
_COMMON = ('config', 'json', 'quiet', 'traceback')


class CommandOptions(SphinxDirective):
    """The directive; see the head of the module."""

    required_arguments = 1

    def run(self):
        name = self.arguments[0]
        try:
            command = make_parser(name).get_default('commands')[name]
        except KeyError as error:
            raise self.error(f'command-options: there is no command {error}') from error
        return self.parse_text_to_nodes(command_text(command))


def command_text(command):
    """What is shown of a command, in reStructuredText."""
    actions = [action for action in command.parser._actions if action.dest != 'help']
    given = [action for action in actions if not action.option_strings]
    parts = [_marked(command.parser.description), '.. code-block:: console\n']
    parts[-1] += ''.join(
        f'\n   # {about[0].upper()}{about[1:]}.\n   $ {line}' for about, line in command.examples
    )
    lines = ['.. list-table::', '   :header-rows: 1', '   :widths: 30 15 55', '']
    lines += ['   * - Option', '     - Default', '     - Meaning']
    options = [action for action in actions if action.option_strings]
    for action in (*given, *options):
        if action.dest in _COMMON:
            continue
        meaning, _, default = action.help.replace('%%', '%').partition(' (default: ')
        lines.append(f'   * - {_names(action)}')
        lines.append(f'     - {_marked(default.removesuffix(")"))}'.rstrip())
        lines.append(f'     - {_marked(meaning)}')
    parts.append('\n'.join(lines))
    if command.defaults:
        tables = '; '.join(
            f'``[{table}]`` is a ``{type(config).__name__}``'
            for table, config in command.defaults.items()
        )
        parts.append(f'In a file of ``--config``, {tables}.')
    return '\n\n'.join(parts)


def _names(action):
    if not action.option_strings:
        return f'``{action.metavar}``'
    value = ''
    if action.nargs != 0:
        value = action.metavar or '{' + ','.join(action.choices or ()) + '}'
        value = ' ' + (' '.join(value) if isinstance(value, tuple) else value)
    names = [name for name in action.option_strings if not name.startswith('--no-')]
    off = [name for name in action.option_strings if name not in names]
    return ', '.join(f'``{name}{value}``' for name in (*names[-1:], *off, *names[:-1]))


def _marked(text):
    """Text of a help, in which no character marks anything up."""
    for mark in '\\*|_<>':
        text = text.replace(mark, f'\\{mark}')
    return text.replace('`', '``') if text.count('`') % 2 == 0 else text.replace('`', '\\`')


def setup(app):
    """Add the directive."""
    app.add_directive('command-options', CommandOptions)
    return {'parallel_read_safe': True}
