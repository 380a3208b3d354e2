"""The documentation as a site: built once, with all its commands run, then read as browsers do."""

import re
import shlex
import subprocess
from functools import cache
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote, urlsplit

import pytest
from building import OPTIONS, ROOT

from lt2f import cli
from lt2f.pipeline import settings, variables
from lt2f.views import figures

LOADED = {"img": "src", "link": "href", "script": "src", "source": "src", "iframe": "src"}


class Page(HTMLParser):
    """What a page points at, what it loads, and what can be pointed at in it."""

    def __init__(self, file: Path) -> None:
        super().__init__()
        self.links, self.loads, self.anchors, self.words = [], [], set(), []
        self.feed(file.read_text(encoding="utf-8"))
        self.text = " ".join(" ".join(self.words).split())

    def handle_starttag(self, tag, attrs):
        given = dict(attrs)
        self.anchors |= {given[key] for key in ("id", "name") if given.get(key)}
        if tag == "a" and given.get("href"):
            self.links.append(given["href"])
        if tag in LOADED and given.get(LOADED[tag]):
            self.loads.append(given[LOADED[tag]])

    def handle_data(self, data):
        self.words.append(data)


@pytest.fixture(scope="module")
def pages(site):
    return {file: Page(file) for file in sorted(site.rglob("*.html"))}


def text_of(site: Path, page: str) -> str:
    return Page(site / page).text


def test_make_builds_it_the_same_way():
    run = subprocess.run(
        ["make", "--no-print-directory", "--dry-run", "docs"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    )
    assert shlex.split(run.stdout.splitlines()[-1])[1:] == [*OPTIONS, "docs", "docs/_build/html"]


def test_local_links_lead_somewhere(site, pages):
    anchors = cache(lambda file: pages[file].anchors if file in pages else set())
    broken = []
    for file, page in pages.items():
        for link in {*page.links, *page.loads}:
            parts = urlsplit(link)
            if parts.scheme:
                continue
            target = (file.parent / unquote(parts.path)).resolve() if parts.path else file
            missing = parts.fragment and parts.fragment not in anchors(target)
            if not target.exists() or (missing and target.suffix == ".html"):
                broken.append(f"{file.relative_to(site)}: {link}")
    assert broken == []


def test_other_links_are_well_formed(pages):
    others = {link for page in pages.values() for link in page.links if urlsplit(link).scheme}
    for link in others:
        parts = urlsplit(link)
        assert parts.scheme == "https", link
        assert re.fullmatch(r"[a-z0-9-]+(\.[a-z0-9-]+)+", parts.netloc), link


def test_pages_need_no_network(site, pages):
    fetched = [load for page in pages.values() for load in page.loads if urlsplit(load).scheme]
    assert [load for load in fetched if not load.startswith("data:")] == []
    for sheet in site.rglob("*.css"):
        content = sheet.read_text(encoding="utf-8")
        assert not re.findall(r"(?:@import|url\()\s*['\"]?(?:https?:)?//", content), sheet


def test_every_page_can_be_reached(site, pages):
    found, waiting = set(), {site / "index.html"}
    while waiting:
        file = waiting.pop()
        found.add(file)
        paths = (urlsplit(link) for link in pages[file].links)
        targets = {(file.parent / part.path).resolve() for part in paths if not part.scheme}
        waiting |= (targets & pages.keys()) - found
    assert pages.keys() - found == {site / "search.html"}  # which is reached by its form


def test_pictures_are_described(site):
    bare = [
        f"{file.relative_to(site)}: {tag}"
        for file in site.rglob("*.html")
        for tag in re.findall(r"<img\b[^>]*>", file.read_text(encoding="utf-8"))
        if not re.search(r'alt="[^"]{3,}"', tag) or re.search(r'alt="\S*\.(png|svg)"', tag)
    ]
    assert bare == []


def keys(schema: object) -> set[str]:
    """Name every key of the settings."""
    if isinstance(schema, list):
        return set().union(*map(keys, schema))
    if not isinstance(schema, dict):
        return set()
    own = schema.get("properties")
    return (set(own) if isinstance(own, dict) else set()).union(*map(keys, schema.values()))


def test_every_setting_is_listed(site):
    text = text_of(site, "reference/settings.html")
    assert {key for key in keys(settings.schema()) if not re.search(rf"\b{key}\b", text)} == set()


def test_every_variable_is_listed(site):
    text = text_of(site, "reference/datasets.html")
    known = [*variables.VARIABLES, *variables.COORDINATES]
    assert {n for n in known if not n.endswith("_start") and n not in text} == set()


def test_the_gallery_shows_every_drawing_with_its_caption(site):
    text = text_of(site, "gallery.html")
    assert {name for name in figures.DRAWINGS if not re.search(rf"\b{name} — [A-Z]", text)} == set()


def test_the_api_has_every_drawing(site, pages):
    anchors = pages[site / "reference" / "api.html"].anchors
    assert {f"lt2f.views.figures.{name}" for name in figures.DRAWINGS} <= anchors


def test_every_command_and_option_is_listed(site):
    text = text_of(site, "reference/command-line.html")
    for name, command in cli.main.commands.items():
        options = [o for one in command.params for o in one.opts if o.startswith("--")]
        for word in (f"lt2f {name}", *options):
            assert word in text or command.hidden, (name, word)


# Commands that pages show and the build does not run: each must exist.


def shown() -> set[str]:
    """Lines of the terminal in Markdown, in `console` blocks, but for their comments."""
    files = [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))]
    blocks = [
        block
        for file in files
        if "_build" not in file.parts
        for block in re.findall(r"```console\n(.*?)```", file.read_text(encoding="utf-8"), re.S)
    ]
    lines = [line for block in blocks for line in block.splitlines() if line.startswith("$ ")]
    return {line[2:].partition("#")[0].strip() for line in lines}


def test_commands_are_shown():
    assert len(shown()) > 3


@pytest.mark.parametrize("line", sorted(shown()))
def test_a_command_that_is_shown_exists(line):
    command, *arguments = shlex.split(line)
    if command == "make":
        goals = [word for word in arguments if "=" not in word] or ["all"]
        rules = re.findall(r"^([a-z]+):", (ROOT / "Makefile").read_text(encoding="utf-8"), re.M)
        assert set(goals) <= set(rules)
    elif command == "lt2f":
        assert arguments[0] in cli.main.commands
    else:
        assert command in {"snakemake", "source"} | {"sbatch", "squeue", "scancel", "dask"}
