"""Maps with weight decay, and other colours than those of regimes, in a real browser."""

from urllib.parse import urlsplit

import numpy as np
import pytest
from visiting import BEGINS, share

from lt2f.dynamics.codes import Regime
from lt2f.explore import cell
from lt2f.explore.colours import COLOURINGS
from lt2f.pipeline.dataset import open_dataset
from lt2f.views import style

# Weight decay


def test_a_map_with_decay_is_shown_and_its_cells_are_computed_with_decay(visit, folder):
    one, decayed = visit("?map=decayed"), open_dataset(folder / "decayed.nc")
    assert "24 × 14 cells of decayed" in one.text("of-map")
    seen = set()
    for across, up in ((0.16, 0.8), (0.4, 0.4), (0.62, 0.4), (0.72, 0.3), (0.95, 0.4)):
        one.click(across, up)
        at = {name: float(one.query[name]) for name in ("mu", "decay")}
        regime = Regime(int(decayed["regime"].sel(at)))
        seen.add(regime)
        collapses = "Collapses to the origin, which attracts"
        assert one.text("headline").startswith(BEGINS.get(regime, collapses))
        assert f"κ = {at['decay']:.10g}" in one.text("headline")
        assert "the dataset holds the same, bit for bit" in one.text("agreement")
        assert "ν = μ − κ" in one.text("verdict") or at["mu"] < at["decay"]
    assert len(seen) >= 4
    assert Regime.COLLAPSED in seen


def test_zooming_into_the_fractal_boundary_shows_what_decay_makes_of_it(visit, maps):
    one = visit("?map=frayed")
    whole = one.pixels("map")
    for _ in range(2):
        one.page.get_by_role("button", name="Zoom in").click()
        one.settle()
    assert "480 × 360 cells computed here" in one.text("of-map")
    window = "1.7,2.1,1.3,1.7"
    other = visit(f"?map=frayed&window={window}")
    pixels = other.pixels("map")
    gone = share(pixels, style.COLOURS[Regime.DIVERGENT])
    # Inside the ellipse as it would be without decay there is nothing else than what converges or,
    # at mu = 1.1, cycles; a cell that is computed without decay would be green.
    assert share(pixels, style.COLOURS[Regime.PERIODIC]) < 1e-3
    assert 0.2 < gone < 0.75
    other.click(0.3, 0.25)
    assert "κ = 0.2" in other.text("headline")
    at = {name: float(other.query[name]) for name in ("a", "b")}
    found = maps["frayed"]
    view = found.home().at(**at)
    regime = Regime(int(cell.label(found.task(view), view.point)["regime"]))
    assert other.text("headline").startswith(BEGINS[regime])
    assert np.mean(whole != one.pixels("map")) > 0.05


def test_decay_slides_and_bars_noise_with_a_reason(visit):
    one = visit("?mu=0.9&imbalance=0.3")
    assert "ellipse that bounds" in one.text("legend")
    one.page.locator("#slide-decay").fill("0.2")
    one.settle()
    assert "κ = 0.2" in one.text("headline")
    assert "480 × 360 cells computed here" in one.text("of-map")
    assert "No ellipse bounds" in one.text("legend")
    assert "ellipse" not in one.text("verdict").replace("no ellipse", "")
    noise = one.page.locator("#value-noise")
    assert noise.is_disabled()
    for name in ("slide-noise", "model", "law"):
        assert one.page.locator(f"#{name}").is_disabled()
    assert "Not together with κ (weight decay)" in one.text("handles")
    one.page.locator("#value-decay").fill("0")
    one.page.keyboard.press("Tab")
    one.settle()
    assert "Not together" not in one.text("handles")
    noise.fill("0.2")
    one.page.keyboard.press("Tab")
    one.settle()
    assert one.page.locator("#value-decay").is_disabled()
    other = visit("?map=decayed&noise=0.3")
    assert other.query["noise"] == "0.0"
    assert "Not together with κ (weight decay): this map is over it." in other.text("handles")


# Another loss


def test_a_map_of_another_loss_is_shown_zoomed_slid_and_linked(visit, folder):
    one, clipped = visit("?map=clipped"), open_dataset(folder / "clipped.nc")
    assert "16 × 12 cells of clipped" in one.text("of-map")
    seen = set()
    for across, up in ((0.25, 0.5), (0.45, 0.5), (0.65, 0.4), (0.95, 0.2), (0.95, 0.9)):
        one.click(across, up)
        at = {name: float(one.query[name]) for name in ("mu", "huber")}
        seen.add(regime := Regime(int(clipped["regime"].sel(at))))
        assert one.text("headline").startswith(BEGINS[regime])
        assert f"1/δ = {at['huber']:.10g}" in one.text("headline")
        assert "the dataset holds the same, bit for bit" in one.text("agreement")
    assert len(seen) >= 3
    assert "Ellipse and thresholds belong to the squared loss alone" in one.text("legend")
    assert "δ = 2: beyond, no balanced start escapes" in one.text("key")
    one.page.get_by_role("button", name="Zoom in").click()
    one.settle()
    assert "480 × 360 cells computed here" in one.text("of-map")
    one.page.locator("#slide-huber").fill("0.9")
    one.settle()
    assert one.query["huber"] == "0.9"
    other = visit("?" + urlsplit(one.page.url).query)
    assert other.query == one.query
    for part in ("headline", "rows", "verdict", "key"):
        assert other.text(part) == one.text(part)


def test_the_slider_of_another_loss_is_where_a_map_has_it(visit):
    one = visit()
    names = "[...document.querySelectorAll('.handle input[type=number]')].map(x => x.id.slice(6))"
    usual = one.page.evaluate(names)
    assert "huber" not in usual
    one.page.locator("#choose-map").select_option("clipped")
    one.settle()
    place = usual.index("decay") + 1
    assert one.page.evaluate(names) == [*usual[:place], "huber", *usual[place:]]
    assert one.page.locator("#slide-huber").get_attribute("aria-label").endswith("loss 1/δ")
    assert one.page.locator("#value-noise").is_disabled()
    one.page.locator("#choose-map").select_option("regimes")
    one.settle()
    assert one.page.evaluate(names) == usual


# Colours


def test_the_map_is_coloured_by_what_is_chosen(visit, folder):
    one, regimes = visit(), open_dataset(folder / "regimes.nc")
    grey = share(one.pixels("map"), style.COLOURS[Regime.DIVERGENT])
    for name in ("residual_period", "lyapunov", "transverse_lyapunov"):
        one.page.locator("#colour").select_option(name)
        one.settle()
        assert one.query["colour"] == name
        assert "43 × 42 cells of regimes" in one.text("of-map")  # the dataset has it
        cells = {n: regimes[n].values for n in ("regime", name)}
        if name == "lyapunov":
            cells[name] = cells[name][..., 0]
        found, pixels = COLOURINGS[name], one.pixels("map")
        codes, counts = np.unique(found.codes(cells, name), return_counts=True)
        for code in codes[counts > 0.08 * cells["regime"].size]:
            there = (found.codes(cells, name) == code).mean()
            # Axes take at most a quarter of the box, lines some; neighbouring shades are alike.
            assert share(pixels, found.palette[code]) > 0.6 * there
        assert share(pixels, style.COLOURS[Regime.DIVERGENT]) == pytest.approx(grey, rel=0.02)
        bar = one.page.locator("#bar")
        assert bar.is_visible() == ("lyapunov" in name)
        if bar.is_visible():
            assert "nats per step" in bar.get_attribute("aria-label")
    assert "divergent" in one.text("key")


def test_colours_of_a_window_change_without_another_computation_and_go_into_a_link(visit):
    one = visit("?window=1.0,2.0,0.0,1.0")
    words = one.text("of-map")
    assert "computed here" in words
    one.page.locator("#colour").focus()
    one.page.keyboard.press("ArrowDown")
    one.settle()
    assert one.query["colour"] == "residual_period"
    assert one.text("of-map") == words  # which says how long it took
    assert "others" in one.text("key")
    # The 2-cycle, from mu = 1 to sqrt(5) - 1, takes a good fifth of the window.
    assert share(one.pixels("map"), "#a3dabf") > 0.12
    other = visit("?" + urlsplit(one.page.url).query)
    assert other.query == one.query
    assert other.text("key") == one.text("key")


def test_a_map_whose_dataset_lacks_the_colour_is_computed(visit):
    one = visit("?map=frayed&colour=lyapunov")
    assert "480 × 360 cells computed here" in one.text("of-map")
    # log|1 - 2 (mu - kappa)| of its minima, mu = 1.1 and kappa = 0.2
    cells = {"regime": np.array([Regime.MONOTONE]), "lyapunov": np.log([0.8])}
    code = COLOURINGS["lyapunov"].codes(cells, "lyapunov")[0]
    assert share(one.pixels("map"), COLOURINGS["lyapunov"].palette[code]) > 0.2
