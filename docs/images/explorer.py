"""Take the picture of the explorer for the documentation, by hand: it needs a complete study.

    python docs/images/explorer.py results/atlas

It writes explorer.png beside itself. The browser is Debian's chromium, as in the tests.
"""

import shutil
import subprocess
import sys
from io import BytesIO
from pathlib import Path
from typing import Final

from PIL import Image
from playwright.sync_api import Page, sync_playwright

VIEW: Final = "?map=decay&colour=lyapunov&mu=1.785&decay=0.28&window=1.0,2.3,0.0,0.65"
SIZE: Final = {"width": 1400, "height": 840}
OUT: Final = Path(__file__).with_name("explorer.png")


def main(folder: str) -> None:
    """Serve a study's maps, look at one, and write what is seen."""
    command = [sys.executable, "-m", "lt2f", "explore", folder, "--no-browser", "--port", "0"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as server:
        try:
            assert server.stdout is not None
            shot = seen(server.stdout.readline().split()[0] + VIEW)
        finally:
            server.terminate()
    # A palette makes the file a third as long, and no colour of a map is far from one of its own.
    picture = Image.open(BytesIO(shot)).convert("RGB").quantize(256, dither=Image.Dither.NONE)
    picture.save(OUT, optimize=True)
    print(f"{OUT}: {OUT.stat().st_size / 1000:.0f} kB")


def seen(address: str) -> bytes:
    """Return what a browser shows at an address, once all of it is computed."""
    with sync_playwright() as playwright:
        options = ["--no-sandbox", "--disable-gpu"]
        browser = playwright.chromium.launch(executable_path=shutil.which("chromium"), args=options)
        page = browser.new_context(viewport=SIZE).new_page()  # type: ignore[arg-type]
        page.goto(address)
        settle(page)
        shot = page.screenshot()
        browser.close()
    return shot


def settle(page: Page) -> None:
    """Wait until the page has answered and the last round of its map is there."""
    page.wait_for_selector("body[data-rest]")
    page.wait_for_function("() => /as in the dataset/.test(document.body.innerText)")
    page.wait_for_timeout(500)


if __name__ == "__main__":
    main(sys.argv[1])
