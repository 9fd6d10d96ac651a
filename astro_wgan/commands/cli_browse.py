"""The command ``astro-wgan browse``."""

import argparse
import sys
import webbrowser
from threading import Thread

from astro_wgan.commands.cli_results import add_results
from astro_wgan.commands.cli_stamps import names_of_bands
from astro_wgan.tensorflow_messages import without_messages

__all__ = ['add_browse']


def add_browse(commands):
    """Add the parser of this command."""
    command = commands.add_parser(
        'browse',
        help='look through results in a browser, and label them',
        description='Open the results of a hunt or a survey, or a table with stamps, on a page in '
        'the browser: cards, a map, a table, labels. Labels are written at once to a file beside '
        'the results. The page is served by this machine; nothing leaves it.',
        formatter_class=argparse.ArgumentDefaultsHelpFormatter,
    )
    command.set_defaults(run=_browse)
    add = command.add_argument
    add_results(add)
    add(
        '--labels',
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
    add('--no-browser', action='store_true', help='print the address, and do not open it')
    add('--traceback', action='store_true', help='show the traceback of an error')


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
    return 0


def _print_addresses(server):
    for _ in sys.stdin:
        print(server.url, flush=True)
