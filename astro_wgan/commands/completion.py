"""The command ``astro-wgan completion``."""

from astro_wgan.commands.options.command import add_command
from astro_wgan.commands.options.report import Report

__all__ = ['add_completion']

_SHELLS = ('bash', 'zsh', 'fish')

_EXAMPLES = (
    (
        'bash, with the package bash-completion',
        'astro-wgan completion bash > ~/.local/share/bash-completion/completions/astro-wgan',
    ),
    (
        'zsh, where ~/.zfunc is in $fpath before compinit is called',
        'astro-wgan completion zsh > ~/.zfunc/_astro-wgan',
    ),
    ('fish', 'astro-wgan completion fish > ~/.config/fish/completions/astro-wgan.fish'),
)


def add_completion(commands):
    """Add the parser of this command."""
    add_command(
        commands,
        'completion',
        run=_completion,
        add_options=_add_options,
        help='write the script that completes commands and options in a shell',
        description='Write the script with which a shell completes commands, options, their '
        'choices and files at the tab key. It starts no Python, and is to be written again once '
        'the package has been updated.',
        examples=_EXAMPLES,
    )


def _add_options(add):
    add('shell', choices=_SHELLS, help='the shell')


def _completion(options):
    import shtab

    program = options.command.program
    for command in program.get_default('commands').values():
        command.fill()
        for action in command.parser._actions:
            if command.takes_file(action.dest):
                action.complete = shtab.DIRECTORY if action.metavar == 'DIR' else shtab.FILE
    script = shtab.complete(program, shell=options.shell)
    return Report({'shell': options.shell, 'script': script}, answer=script.splitlines())
