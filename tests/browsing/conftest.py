import pytest

from astro_wgan.browsing import Results
from astro_wgan.browsing.results_view import ResultsView
from astro_wgan.browsing.server import make_server
from tests.browsing.example_results import Client, asking, make_stamps, make_table


@pytest.fixture
def table():
    return make_table()


@pytest.fixture
def results(table):
    return Results.open(table, stamps=make_stamps(table))


@pytest.fixture
def view(results, tmp_path):
    return ResultsView(results, labels=tmp_path / 'labels.jsonl', by='anna')


@pytest.fixture
def ask(view):
    """Requests to the application, without a server and its access control."""
    return asking(view)


@pytest.fixture
def server(results, tmp_path):
    with make_server(results, labels=tmp_path / 'labels.jsonl', by='anna') as server:
        server.start()
        yield server


@pytest.fixture
def stranger(server):
    return Client(server)


@pytest.fixture
def client(server):
    client = Client(server)
    client.enter()
    return client
