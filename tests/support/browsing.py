"""A real browser: Debian's chromium, with nothing of its own that talks to the world."""

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from playwright.sync_api import Browser, sync_playwright


@contextmanager
def chromium() -> Iterator[Browser]:
    """Start the browser, and end it; where there is none skip, in continuous integration fail."""
    found = shutil.which("chromium")
    if found is None:
        if os.environ.get("CI") == "true":
            pytest.fail("chromium is missing: requirements/debian.txt")
        pytest.skip("needs chromium")
    with sync_playwright() as playwright:
        # In a container there is no user to part the browser's own processes from.
        options = ["--no-sandbox", "--disable-gpu"]
        browser = playwright.chromium.launch(executable_path=found, args=options)
        try:
            yield browser
        finally:
            browser.close()
