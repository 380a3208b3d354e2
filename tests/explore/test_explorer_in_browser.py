"""The explorer in a real browser: load, click, slide, zoom, follow a link, and nothing else.

The browser is Debian's chromium. Where it is missing these tests are skipped, but not in continuous
integration.
"""

import os
import re
import shutil
import signal
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator
from http.client import HTTPConnection
from io import BytesIO
from pathlib import Path
from urllib.parse import parse_qsl, urlsplit

import numpy as np
import pytest
from axe_playwright_python.sync_playwright import Axe
from hearing import heard
from PIL import Image
from playwright.sync_api import Browser, BrowserContext, Page, sync_playwright

from lt2f.dynamics.codes import Regime
from lt2f.pipeline.dataset import open_dataset
from lt2f.views import style

# What the headline begins with, by regime.
BEGINS = {
    Regime.MONOTONE: "Converges, the loss never rises",
    Regime.CATAPULT: "Converges after a catapult",
    Regime.PERIODIC: "Cycles with period",
    Regime.CHAOTIC: "Stays bounded, chaotic",
    Regime.DIVERGENT: "Diverges",
    Regime.UNDECIDED: "Undecided",
}


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    found = shutil.which("chromium")
    if found is None:
        if os.environ.get("CI") == "true":
            pytest.fail("chromium is missing: requirements/debian.txt")
        pytest.skip("needs chromium")
    with sync_playwright() as playwright:
        # In a container there is no user to part the browser's own processes from.
        options = ["--no-sandbox", "--disable-gpu"]
        browser = playwright.chromium.launch(executable_path=found, args=options)
        yield browser
        browser.close()


@pytest.fixture(scope="module")
def address(folder: Path) -> Iterator[str]:
    """The page as the command serves it; it ends without a word when interrupted."""
    command = [sys.executable, "-m", "lt2f", "explore", str(folder), "--no-browser", "--port", "0"]
    pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True}
    with heard(signal.SIGINT):
        server = subprocess.Popen(command, **pipes)
    try:
        told = server.stdout.readline()
        yield told.split()[0]
        server.send_signal(signal.SIGINT)
        _, said = server.communicate(timeout=20)
    finally:
        server.kill()
        server.wait()
    assert server.returncode == 0
    # What is no page of ours is refused, and that is said.
    assert [line for line in said.splitlines() if "Refusing" not in line] == []
    assert re.match(r"http://127\.0\.0\.1:\d+/ ", told)


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


@pytest.fixture
def visit(browser: Browser, address: str) -> Iterator[Callable[..., Visit]]:
    context = browser.new_context(viewport={"width": 1400, "height": 1000})
    visits = []

    def enter(query: str = "") -> Visit:
        visits.append(Visit(context, address + query))
        return visits[-1]

    yield enter
    for one in visits:
        assert one.hosts == {"127.0.0.1"}
        assert one.complaints == []
    context.close()


def share(pixels: np.ndarray, colour: str) -> float:
    """Tell how much of a picture has nearly a colour."""
    wanted = [int(colour[k : k + 2], 16) for k in (1, 3, 5)]
    return float((np.abs(pixels.astype(int) - wanted).max(axis=-1) < 8).mean())


def test_a_complaint_and_a_foreign_request_would_be_seen(browser, address):
    context = browser.new_context()
    one = Visit(context, address)
    one.page.evaluate("console.error('no'); fetch('http://127.0.0.2:9/').catch(() => {})")
    one.page.wait_for_timeout(200)
    assert one.hosts == {"127.0.0.1", "127.0.0.2"}
    assert "no" in one.complaints
    context.close()


def test_only_its_own_page_may_connect_and_only_on_the_loopback(address):
    port = urlsplit(address).port
    for origin in ("http://evil.example", f"http://127.0.0.1:{port + 1}"):
        connection = HTTPConnection("127.0.0.1", port, timeout=10)
        key = {"Sec-WebSocket-Key": "bHQyZi1leHBsb3JlLWtleQ==", "Sec-WebSocket-Version": "13"}
        upgrade = {"Connection": "Upgrade", "Upgrade": "websocket", "Origin": origin}
        connection.request("GET", "/ws", headers=upgrade | key)
        answer = connection.getresponse()
        assert (answer.status, b"origin" in answer.read()) == (403, True)
        connection.close()
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection(("127.0.0.2", port), timeout=10)


def test_it_shows_the_regimes_of_the_dataset(visit, folder):
    one = visit()
    pixels, codes = one.pixels("map"), open_dataset(folder / "regimes.nc")["regime"].values
    for regime in (Regime.MONOTONE, Regime.CATAPULT, Regime.PERIODIC, Regime.CHAOTIC):
        drawn, there = share(pixels, style.COLOURS[regime]), (codes == regime).mean()
        assert there > 0.02
        # Axes and their names take at most a quarter of the box, lines some of the colour.
        assert 0.6 * there < drawn < there
    for name in ("loss", "residual", "portrait", "cobweb"):
        assert one.pixels(name).std() > 8


def test_a_click_shows_the_cell_as_the_dataset_has_it(visit, folder):
    one, regimes = visit(), open_dataset(folder / "regimes.nc")
    seen = set()
    for across, up in ((0.2, 0.3), (0.35, 0.65), (0.54, 0.4), (0.73, 0.3), (0.9, 0.9)):
        one.click(across, up)
        at = {name: float(one.query[name]) for name in ("mu", "imbalance")}
        regime = Regime(int(regimes["regime"].sel(at)))
        seen.add(regime)
        assert one.text("headline").startswith(BEGINS[regime])
        assert f"μ = {at['mu']:.10g}, a₀² − b₀² = {at['imbalance']:.10g}" in one.text("headline")
        assert "the dataset holds the same, bit for bit" in one.text("agreement")
    assert len(seen) >= 4


def test_a_slider_moves_the_cell_and_the_map_is_computed_where_needed(visit):
    one = visit()
    one.page.locator("#slide-mu").focus()
    before = float(one.query["mu"])
    one.page.keyboard.press("ArrowRight")
    one.settle()
    assert float(one.query["mu"]) > before
    assert "no cell at exactly this point" in one.text("agreement")
    assert "43 × 42 cells of regimes" in one.text("of-map")
    one.page.locator("#slide-product").fill("0.5")
    one.settle()
    assert one.query["product"] == "0.5"
    assert "480 × 360 cells computed here" in one.text("of-map")
    # A quarter and more of the plane diverges at any product.
    assert share(one.pixels("map"), style.COLOURS[Regime.DIVERGENT]) > 0.2


def test_the_learning_rate_has_the_units_of_factor_and_target(visit):
    one = visit("?mu=0.8&imbalance=0.5&factor=2")
    one.page.locator("#value-target").fill("0.5")
    one.page.keyboard.press("Tab")
    one.settle()
    assert float(one.page.locator("#value-rate").input_value()) == pytest.approx(0.8)
    one.page.locator("#value-rate").fill("1.2")
    one.page.keyboard.press("Tab")
    one.settle()
    assert float(one.query["mu"]) == pytest.approx(1.2)
    assert float(one.query["imbalance"]) == pytest.approx(0.75)  # the weights stay


def test_noise_is_heard(visit):
    one = visit("?mu=1.2&imbalance=0.1")
    assert one.text("headline").startswith("Cycles")
    one.page.locator("#slide-noise").fill("0.3")
    one.settle()
    assert "σ = 0.3" in one.text("headline")
    assert not one.text("headline").startswith("Cycles")


def test_zooming_computes_finer_cells_and_a_link_restores_them(visit):
    one = visit()
    box = one.page.locator("#map").bounding_box()
    one.page.mouse.move(box["x"] + 0.5 * box["width"], box["y"] + 0.6 * box["height"])
    for _ in range(3):
        one.page.mouse.wheel(0, -240)
        one.page.wait_for_timeout(60)
    one.settle()
    left, right, low, high = map(float, one.query["window"].split(","))
    assert right - left < 1.6
    assert "480 × 360 cells computed here" in one.text("of-map")
    assert "runs of 2,000 + 1,024 steps, as in the dataset" in one.text("of-map")
    one.click(0.6, 0.6)
    assert left < float(one.query["mu"]) < right
    assert low < float(one.query["imbalance"]) < high
    other = visit("?" + urlsplit(one.page.url).query)
    assert other.query == one.query
    assert other.text("headline") == one.text("headline")
    assert other.text("rows") == one.text("rows")
    assert np.mean(other.pixels("map") != one.pixels("map")) < 0.01  # where the keyboard is


def test_a_box_is_zoomed_into_and_the_whole_comes_back(visit):
    one = visit()
    box, whole = one.page.locator("#map").bounding_box(), one.query["window"]
    x, y = box["x"] + 0.3 * box["width"], box["y"] + 0.3 * box["height"]
    one.page.mouse.move(x, y)
    one.page.mouse.down()
    one.page.mouse.move(x + 0.3 * box["width"], y + 0.4 * box["height"], steps=4)
    one.page.mouse.up()
    one.settle()
    left, right, low, high = map(float, one.query["window"].split(","))
    # The panel takes a little less than the box, so the parts are a little more.
    assert 0.3 < (right - left) / (43 * 0.05) < 0.4
    assert 0.4 < (high - low) / (42 * 0.1) < 0.55
    one.page.get_by_role("button", name="Whole map").click()
    one.settle()
    assert one.query["window"] == whole


def test_the_pointer_is_followed_if_asked(visit):
    one = visit()
    box, seen = one.page.locator("#map").bounding_box(), set()
    for follow in (False, True):
        one.page.get_by_label("Follow pointer").set_checked(follow)
        for part in (0.3, 0.5, 0.7):
            one.page.mouse.move(box["x"] + part * box["width"], box["y"] + 0.7 * box["height"])
            one.settle()
            seen.add(one.text("headline"))
        assert len(seen) == (4 if follow else 1)


def test_all_of_it_goes_by_keyboard(visit):
    one = visit()
    one.page.locator("#map").focus()
    mu, imbalance = (float(one.query[name]) for name in ("mu", "imbalance"))
    one.page.keyboard.press("ArrowRight")
    one.page.keyboard.press("Shift+ArrowUp")
    one.settle()
    assert float(one.query["mu"]) == pytest.approx(mu + 0.05)
    assert float(one.query["imbalance"]) == pytest.approx(imbalance + 1.0)
    one.page.keyboard.press("+")
    one.settle()
    ends = [float(x) for x in one.query["window"].split(",")]
    assert ends[1] - ends[0] == pytest.approx(43 * 0.05 / 2)
    one.page.keyboard.press("0")
    one.settle()
    assert "43 × 42 cells of regimes" in one.text("of-map")
    one.page.wait_for_function(
        "() => document.querySelector('#live').textContent === "
        "document.querySelector('#headline').textContent"
    )
    assert one.page.locator("#live").get_attribute("aria-live") == "polite"


def test_another_map_of_the_study(visit):
    one = visit()
    one.page.locator("#choose-map").select_option("plane")
    one.settle()
    assert {"a", "b", "mu"} <= one.query.keys()
    assert "30 × 30 cells of plane" in one.text("of-map")
    one.page.locator("#slide-mu").fill("1.4")
    one.settle()
    assert "computed here" in one.text("of-map")


@pytest.mark.parametrize("width", [1400, 390])
def test_axe_finds_nothing_to_mend(browser, address, width):
    """Names, roles, order of headings, contrast of 4.5 and more, what the keyboard reaches."""
    context = browser.new_context(viewport={"width": width, "height": 900})
    one = Visit(context, address)
    assert one.page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    found = Axe().run(one.page)
    assert found.response["passes"]
    assert found.violations_count == 0, found.generate_report()
    context.close()
