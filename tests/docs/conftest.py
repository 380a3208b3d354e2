"""The site is built from the start of a session on, while tests run: that takes minutes."""

from pathlib import Path

import pytest
from building import Build

BUILD = pytest.StashKey[Build]()


def pytest_collection_finish(session: pytest.Session) -> None:
    """Begin to build if a test will look at it."""
    wanted = any("site" in getattr(item, "fixturenames", ()) for item in session.items)
    if wanted and not session.config.option.collectonly:
        session.config.stash[BUILD] = Build()


def pytest_unconfigure(config: pytest.Config) -> None:
    """Take it away."""
    if build := config.stash.get(BUILD, None):
        build.remove()


@pytest.fixture(scope="session")
def site(pytestconfig: pytest.Config) -> Path:
    """All pages, built with all their code run."""
    build = pytestconfig.stash[BUILD]
    if said := build.wait():
        pytest.fail(said, pytrace=False)
    return build.out
