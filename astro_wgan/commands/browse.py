"""The command ``astro-wgan browse``."""

import sys
import webbrowser
from threading import Thread

from astro_wgan.commands.options.command import add_command
from astro_wgan.commands.options.report import Report
from astro_wgan.commands.options.result_options import add_results
from astro_wgan.commands.options.stamp_options import names_of_bands
from astro_wgan.tensorflow_messages import without_messages

__all__ = ['add_browse']


_EXAMPLES = (
    ('the results of a hunt', 'astro-wgan browse hunt-hubble_xdf'),
    (
        'a table of scores, its stamps and the model',
        'astro-wgan browse scores.ecsv --stamps stamps.zarr --model hunt/model',
    ),
    (
        'results on a remote machine, whose port 8123 is forwarded by ssh -L 8123:127.0.0.1:8123',
        'astro-wgan browse survey --port 8123 --no-browser --by anna',
    ),
)


def add_browse(commands):
    """Add the parser of this command."""
    add_command(
        commands,
        'browse',
        run=_browse,
        add_options=_add_options,
        help='look through results in a browser, and label them',
        description='Open the results of a hunt or a survey, or a table with stamps, on a page in '
        'the browser: cards, a map, a table, labels. Labels are written at once to a file beside '
        'the results. The page is served by this machine; nothing leaves it.',
        examples=_EXAMPLES,
    )


def _add_options(add):
    add_results(add)
    add(
        '--labels',
        is_path=True,
        metavar='FILE',
        help='file of labels, by default labels.jsonl beside the results',
    )
    add('--by', metavar='NAME', help='who labels, by default the name of the user')
    add(
        '--origin',
        choices=['lower', 'upper'],
        default='lower',
        help='whether the first row of an image is at the bottom, or at the top as in pictures',
    )
    add(
        '--rgb',
        type=names_of_bands,
        metavar='NAMES',
        help='bands to show in red, green and blue, such as i,r,g',
    )
    add('--host', default='127.0.0.1', help='address to listen at')
    add('--port', type=int, default=0, help='port to listen at, 0 for one that is free')
    add('--no-browser', is_flag=True, help='print the address, and do not open it')


def _browse(options):
    with without_messages():
        return _run(options)


def _run(options):
    from astro_wgan.browsing import Results
    from astro_wgan.browsing.server import check_packages, make_server

    check_packages()
    results = Results.open(options.results, stamps=options.stamps, model=options.model)
    server = make_server(
        results,
        labels=options.labels,
        by=options.by,
        origin=options.origin,
        rgb=options.rgb,
        host=options.host,
        port=options.port,
    )
    print(f'{len(results):,} sources; labels are kept in {server.view.labels.file.path}.')
    if server.is_open_to_others:
        print(
            'Other machines can reach this server, and its connections are not encrypted: whoever '
            'can read them can see and label these sources. On a remote machine leave out `--host` '
            'and forward the port instead: ssh -L PORT:127.0.0.1:PORT.'
        )
    print(f'{server.url}\nThe address opens the page in one browser. Ctrl-C ends the server.')
    if sys.stdin is not None and sys.stdin.isatty():
        print('Enter prints an address for another browser.')
        Thread(target=_print_addresses, args=(server,), daemon=True).start()
    sys.stdout.flush()
    if not options.no_browser:
        # The server listens already, and answers once it runs.
        webbrowser.open(server.url)
    server.run()
    labels = str(server.view.labels.file.path)
    return Report({'sources': len(results), 'labels': labels, 'url': server.url})


def _print_addresses(server):
    for _ in sys.stdin:
        print(server.url, flush=True)
