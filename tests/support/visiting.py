"""A visit to the explorer's page: what is on it, what it asked for and what it complained of."""

from io import BytesIO
from urllib.parse import parse_qsl, urlsplit

import numpy as np
from PIL import Image
from playwright.sync_api import BrowserContext, Page

from lt2f.dynamics.codes import Regime

# What the headline begins with, by regime.
BEGINS = {
    Regime.MONOTONE: "Converges, the loss never rises",
    Regime.CATAPULT: "Converges after a catapult",
    Regime.PERIODIC: "Cycles with period",
    Regime.CHAOTIC: "Stays bounded, chaotic",
    Regime.DIVERGENT: "Diverges",
    Regime.UNDECIDED: "Undecided",
}


class Visit:
    """An open page, all that it asked for and what it complained of."""

    def __init__(self, context: BrowserContext, address: str) -> None:
        self.hosts: set[str | None] = set()
        self.complaints: list[str] = []
        self.page: Page = context.new_page()
        self.page.on("request", lambda request: self.hosts.add(urlsplit(request.url).hostname))
        self.page.on("websocket", lambda socket: self.hosts.add(urlsplit(socket.url).hostname))
        self.page.on("requestfailed", lambda request: self.complaints.append(request.url))
        self.page.on("pageerror", lambda error: self.complaints.append(str(error)))
        self.page.on("console", self._listen)
        self.page.goto(address)
        self.page.wait_for_selector("body[data-told]")
        self.settle()

    def _listen(self, message) -> None:
        if message.type in ("error", "warning", "assert"):
            self.complaints.append(message.text)

    def settle(self) -> None:
        """Wait until all questions are answered, the map is whole, and the address stays."""
        done = "document.body.dataset.rest >= (document.body.dataset.asked ?? 0)"
        more = "/more to come|Computing/.test(document.querySelector('#of-map').textContent)"
        seen = None
        while seen != (seen := self.page.url) or not self.page.evaluate(f"{done} && !{more}"):
            self.page.wait_for_timeout(300)  # windows are asked for 90 ms after they rest
            self.page.wait_for_function(f"() => {done} && !{more}")

    def click(self, across: float, up: float) -> None:
        """Click at a part of the map's box."""
        box = self.page.locator("#map").bounding_box()
        x, y = box["x"] + across * box["width"], box["y"] + (1 - up) * box["height"]
        self.page.mouse.click(x, y)
        self.settle()

    @property
    def query(self) -> dict[str, str]:
        return dict(parse_qsl(urlsplit(self.page.url).query))

    def text(self, name: str) -> str:
        return self.page.locator(f"#{name}").inner_text()

    def pixels(self, name: str) -> np.ndarray:
        shot = Image.open(BytesIO(self.page.locator(f"#{name}").screenshot())).convert("RGB")
        return np.asarray(shot)


def share(pixels: np.ndarray, colour: str) -> float:
    """Tell how much of a picture has nearly a colour."""
    wanted = [int(colour[k : k + 2], 16) for k in (1, 3, 5)]
    return float((np.abs(pixels.astype(int) - wanted).max(axis=-1) < 8).mean())
