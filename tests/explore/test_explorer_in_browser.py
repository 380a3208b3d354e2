"""The explorer in a real browser: load, click, slide, zoom, follow a link, and nothing else.

Where there is no chromium these tests are skipped, but not in continuous integration.
"""

import socket
from http.client import HTTPConnection
from urllib.parse import urlsplit

import numpy as np
import pytest
from axe_playwright_python.sync_playwright import Axe
from visiting import BEGINS, Visit, share

from lt2f.dynamics.codes import Regime
from lt2f.pipeline.dataset import open_dataset
from lt2f.views import style


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


def test_names_of_axes_keep_off_the_edge(visit):
    """Bokeh repaints only half of the first column of pixels, so that what is drawn there stays.

    Names begin some pixels further to the left while the page finds its size.
    """
    assert (visit().pixels("map")[:, :8] == 255).all()


@pytest.mark.parametrize("width", [1400, 390])
@pytest.mark.parametrize(
    "query", ["", "?map=decayed&colour=lyapunov", "?map=clipped&mu=2.5", "?colour=residual_period"]
)
def test_axe_finds_nothing_to_mend(browser, address, width, query):
    """Names, roles, order of headings, contrast of 4.5 and more, what the keyboard reaches."""
    context = browser.new_context(viewport={"width": width, "height": 900})
    one = Visit(context, address + query)
    assert one.page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    found = Axe().run(one.page)
    assert found.response["passes"]
    assert found.violations_count == 0, found.generate_report()
    context.close()


def test_a_field_that_is_cleared_says_again_what_holds(visit):
    one = visit("?mu=0.8")
    one.page.locator("#value-mu").fill("")
    one.page.keyboard.press("Tab")
    assert float(one.page.locator("#value-mu").input_value()) == 0.8


def test_in_one_column_the_answer_is_in_sight(browser, address):
    context = browser.new_context(viewport={"width": 390, "height": 844})
    one = Visit(context, address)
    tops = [
        one.page.locator(name).bounding_box()["y"]
        for name in ("#map", "#headline", "#key", "#handles", "#loss", "#rows")
    ]
    assert tops == sorted(tops)
    # One thumb's way from the map: its whole and the first line of the answer on one screen.
    assert tops[1] + 40 - tops[0] < 844
    context.close()
