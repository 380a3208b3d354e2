"""report.html in a real browser without a network: whole, quiet, and usable at every width.

Where there is no chromium these tests are skipped, but not in continuous integration.
"""

from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path

import pytest
from axe_playwright_python.sync_playwright import Axe
from browsing import chromium
from playwright.sync_api import Browser, BrowserContext, Page

from lt2f.pipeline.dataset import open_dataset
from lt2f.views import catalogue, report

WIDTHS = (1280, 390)
SCROLLERS = ".scroll, pre"  # what may be wider than the page, for it scrolls inside itself


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with chromium() as found:
        yield found


@pytest.fixture(scope="module")
def address(reported) -> str:
    """The page of a small study, in the folder of its results."""
    study, folder = reported
    datasets = {name: open_dataset(folder / f"{name}.nc") for name in study.sweeps}
    figures = [asdict(figure) for figure in catalogue.figures(study.sweeps)]
    report.write(datasets, figures, folder, folder / "report.html")
    return (folder / "report.html").as_uri()


class Visit:
    """A page that is open at some width, and all that it asked for and complained of."""

    def __init__(self, context: BrowserContext, address: str) -> None:
        self.requests: list[str] = []
        self.failed: list[str] = []
        self.said: list[str] = []
        self.page: Page = context.new_page()
        self.page.on("request", lambda request: self.requests.append(request.url))
        self.page.on("requestfailed", lambda request: self.failed.append(request.url))
        self.page.on("console", lambda message: self.said.append(message.text))
        self.page.on("pageerror", lambda error: self.said.append(str(error)))
        self.page.goto(address)
        self.page.wait_for_load_state("networkidle")


@pytest.fixture(params=WIDTHS)
def visit(request, browser, address) -> Iterator[Visit]:
    size = {"width": request.param, "height": 844}
    context = browser.new_context(viewport=size, offline=True, reduced_motion="reduce")
    yield Visit(context, address)
    context.close()


def test_it_asks_for_nothing_but_itself(visit, address):
    own = [url for url in visit.requests if not url.startswith("data:")]
    assert own == [address]
    assert visit.failed == []
    assert visit.said == []


def test_a_request_would_be_seen(browser, tmp_path):
    page = tmp_path / "page.html"
    page.write_text("<!DOCTYPE html><title>x</title><img src='missing.png' alt=''>")
    context = browser.new_context(offline=True)
    seen = Visit(context, page.as_uri())
    assert [Path(url).name for url in seen.failed] == ["missing.png"]
    assert seen.said
    context.close()


def test_every_picture_is_there(visit):
    sizes = visit.page.evaluate(
        "Array.from(document.images, i => [i.complete, i.naturalWidth, i.getAttribute('width')])"
    )
    assert len(sizes) >= 5
    assert all(done and width == int(stated) > 0 for done, width, stated in sizes)


def test_the_page_does_not_scroll_sideways(visit):
    visit.page.evaluate("document.querySelectorAll('details').forEach(d => d.open = true)")
    wide, room = visit.page.evaluate("[document.documentElement.scrollWidth, innerWidth]")
    assert wide <= room
    outside = visit.page.evaluate(
        "inside => Array.from(document.querySelectorAll('body *'))"
        ".filter(e => !e.closest(inside) && !e.matches('.skip, thead, thead *'))"
        ".filter(e => e.getBoundingClientRect().right > innerWidth + 0.5)"
        ".map(e => e.outerHTML.slice(0, 80))",
        SCROLLERS,
    )
    assert outside == []


def test_tables_scroll_inside_themselves(browser, address):
    context = browser.new_context(viewport={"width": 390, "height": 844}, offline=True)
    page = Visit(context, address).page
    table = page.get_by_role("region", name="Datasets")
    assert table.evaluate("e => e.scrollWidth > e.clientWidth")
    table.focus()
    page.keyboard.press("ArrowRight")
    page.wait_for_function("e => e.scrollLeft > 0", arg=table.element_handle())
    context.close()


def test_tables_take_the_room_that_the_window_has(browser, address):
    context = browser.new_context(viewport={"width": 1600, "height": 844}, offline=True)
    page = Visit(context, address).page
    table = page.get_by_role("region", name="Datasets")
    text = page.evaluate("document.body.clientWidth")
    for width in (1.4 * text, 2 * text):
        table.locator("table").evaluate("(e, width) => e.style.minWidth = `${width}px`", width)
        needed, shown, left = table.evaluate(
            "e => [e.scrollWidth, e.clientWidth, e.getBoundingClientRect().left]"
        )
        assert needed >= width - 1
        room = 1600 - 80  # less the margins and a scroll bar
        assert shown == needed if width < room else shown > room
        assert left >= 0
    context.close()


def test_headings_lead_through_the_page(visit):
    assert visit.page.get_by_role("heading", level=1).inner_text() == "Study told"
    names = visit.page.get_by_role("heading", level=2).all_inner_texts()
    links = visit.page.get_by_role("navigation").get_by_role("link").all_inner_texts()
    assert len(names) == len(links) >= 9
    for wanted in ("Phase diagram", "Training", "Claims of theory", "Thresholds", "Data"):
        assert wanted in names


def test_links_of_the_navigation_arrive(visit):
    visit.page.get_by_role("link", name="Thresholds", exact=True).click()
    place = visit.page.evaluate("document.querySelector('#thresholds').getBoundingClientRect().top")
    assert -1 <= place < 100


def test_folds_open_from_the_keyboard(visit):
    fold = visit.page.locator("#claims details").first
    row = fold.locator("tr[id]").first
    assert not row.is_visible()
    fold.locator("summary").focus()
    visit.page.keyboard.press("Enter")
    assert row.is_visible()
    visit.page.keyboard.press("Space")
    assert not row.is_visible()


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", WIDTHS)
def test_axe_finds_nothing_to_mend(browser, address, width, scheme):
    """Names, roles, order of headings, contrast of 4.5 and more, what the keyboard reaches."""
    context = browser.new_context(
        viewport={"width": width, "height": 844}, offline=True, color_scheme=scheme
    )
    page = Visit(context, address).page
    page.evaluate("document.querySelectorAll('details').forEach(d => d.open = true)")
    found = Axe().run(page)
    assert found.response["passes"]
    assert found.violations_count == 0, found.generate_report()
    context.close()


def test_all_of_it_prints(browser, address):
    """Folded claims are on paper, too, and no table is wider than a page of A4."""
    context = browser.new_context(viewport={"width": 718, "height": 1000}, offline=True)
    page = Visit(context, address).page
    page.emulate_media(media="print")
    rows = page.locator("#claims details tr[id]")
    assert rows.count() > 1
    assert all(row.bounding_box()["height"] > 10 for row in rows.all())
    tables = page.locator("table").all()
    assert len(tables) > 6
    assert all(table.bounding_box()["width"] <= 718 for table in tables)
    context.close()
