"""The page's server: on the loopback only, and from this machine's files alone."""

import contextlib
import logging
import signal
import socket
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from typing import Final

from bokeh.document import Document
from bokeh.server.server import Server

from lt2f.explore import cell, verdict
from lt2f.explore.atlas import ExploreError, Map
from lt2f.explore.colours import COLOURINGS
from lt2f.explore.session import Library, Session
from lt2f.explore.told import LABELS
from lt2f.explore.view import MODELS

HOST: Final = "127.0.0.1"
PORT: Final = 5421
"""Where the page is if nobody says otherwise, so that a link keeps its meaning."""

_PAGE: Final = Path(__file__).parent / "page"


def prepare(maps: Mapping[str, Map]) -> None:
    """Compile and find what every page needs, so that the first click is as quick as the others."""
    view = next(iter(maps.values())).home()
    laws = {name for found in maps.values() for name in found.rivals} - {"noise"}
    for law in (*MODELS, *sorted(laws)):
        cell.warm_up(replace(maps[view.map].task(view), noise=law), view.point)
    verdict.verdict(view)


@contextlib.contextmanager
def serving(maps: Mapping[str, Map], port: int | None = None) -> Iterator[Server]:
    """Serve the page at `address(server)` until the block ends; `run` lets it work.

    Whoever is on this machine can look; pages of other sites cannot connect, for the server takes
    no connection whose origin is another than its own address. Nothing is written. Without a port
    it is `PORT`, or any free one if that is taken.

    Raises
    ------
    ExploreError
        If the port cannot be had.
    """
    port = _port(port)
    with ThreadPoolExecutor(1, "lt2f-window") as workers:
        server = _listening(port, Library(maps, workers))
        try:
            yield server
        finally:
            server.stop()
            workers.shutdown(wait=False, cancel_futures=True)


def _listening(port: int, library: Library) -> Server:
    """Start a server that takes connections of its own page alone."""
    server = Server(
        {"/": lambda document: _open(document, library)},
        address=HOST,
        port=port,
        allow_websocket_origin=[f"{HOST}:{port}"],
        unused_session_lifetime_milliseconds=15_000,
        session_token_expiration=86_400,  # a tab that was asleep may come back
    )
    server.start()
    return server


def address(server: Server) -> str:
    """Return where the page is."""
    return f"http://{HOST}:{server.port}/"


def run(server: Server) -> None:
    """Answer until interrupted or told to end.

    An exception is lost where Python is just finalising an object; so the loop itself is told.
    """
    loop = server.io_loop.asyncio_loop
    told = {
        name: signal.signal(name, lambda *_: loop.call_soon_threadsafe(loop.stop))
        for name in (signal.SIGINT, signal.SIGTERM)
        if signal.getsignal(name) is not signal.SIG_IGN  # as behind a shell's `&`
    }
    try:
        loop.run_forever()
    finally:
        for name, before in told.items():
            signal.signal(name, before)


def _open(document: Document, library: Library) -> None:
    """Make the page of a new visitor, who may have followed a link."""
    request = document.session_context.request
    query = {
        name: values[-1].decode("utf-8", "replace") for name, values in request.arguments.items()
    }
    document.title = "lt2f explorer"
    document.template = (_PAGE / "page.html").read_text(encoding="utf-8")
    document.template_variables.update(
        css=(_PAGE / "page.css").read_text(encoding="utf-8"),
        js=(_PAGE / "page.js").read_text(encoding="utf-8"),
        names=LABELS,
        colours={name: one.words for name, one in COLOURINGS.items()},
    )
    Session(document, library, library.view(query))


def _port(wanted: int | None) -> int:
    """Return the port that is wanted, if it can be had; without a wish `PORT`, or any free one."""
    try:
        return _bound(PORT if wanted is None else wanted)
    except OSError as error:
        if wanted is None:
            return _bound(0)
        raise ExploreError(f"port {wanted}: {error.strerror}") from None


def _bound(port: int) -> int:
    """Return a port after listening there for a moment."""
    with socket.socket() as trial:
        trial.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        trial.bind((HOST, port))
        return int(trial.getsockname()[1])


def quiet() -> None:
    """Say nothing of every connection."""
    for name in ("bokeh", "tornado.access"):
        logging.getLogger(name).setLevel(logging.ERROR)
