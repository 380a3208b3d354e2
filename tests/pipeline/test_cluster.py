"""Work on a real local cluster: everything comes back, once, and what does not is named."""

import logging

import pytest

from lt2f.pipeline import cluster
from lt2f.pipeline.settings import Local


@pytest.fixture(scope="module")
def client():
    with cluster.workers(Local(), 2) as started:
        yield started


def test_every_item_comes_back_once(client):
    items = list(range(50))  # several windows
    found = list(client.unordered(lambda item, factor: item * factor, items, 3))
    assert sorted(found) == [3 * item for item in items]


def test_nothing_to_do_is_done(client):
    assert list(client.unordered(abs, [])) == []


def test_no_more_is_in_flight_than_the_window(client):
    taken = []

    def items():
        for k in range(100):
            taken.append(k)
            yield k

    results = client.unordered(abs, items())
    next(results)
    assert len(taken) == 2 * cluster.WINDOW
    assert len(list(results)) == 99


def test_an_error_of_a_worker_is_raised(client):
    with pytest.raises(ZeroDivisionError):
        list(client.unordered(lambda item: 1 // item, [0]))


def test_an_item_that_does_not_come_back_is_named(client, monkeypatch, caplog, tmp_path):
    monkeypatch.setattr(cluster, "PATIENCE", 0.1)
    gate = tmp_path / "open"

    def wait_for_the_gate(item, gate):
        import time

        while not gate.exists():
            time.sleep(0.01)
        return item

    class Opener(logging.Handler):
        def emit(self, record):
            gate.touch()  # only the warning lets the item finish

    handler = Opener(logging.WARNING)
    logging.getLogger("lt2f").addHandler(handler)
    try:
        found = list(client.unordered(wait_for_the_gate, ["chunk 7"], gate))
    finally:
        logging.getLogger("lt2f").removeHandler(handler)
    assert found == ["chunk 7"]
    assert "the oldest is chunk 7" in caplog.text
