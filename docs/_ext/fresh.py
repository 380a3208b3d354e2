"""A fresh copy of the tree in which the pages' commands are run, as a reader would run them.

Beside the built pages, so that neither the reader's results nor files are touched. Directives:

* ``file``: write the body to a file of the copy, and show it.
* ``run``: run each line of the body there, and show lines and output as a terminal does. A command
  that fails, or that succeeds where ``:exit:`` says otherwise, fails the build.
* ``screenshot``: show a page of the copy as Chromium draws it, with the body as a caption; nothing
  where there is no Chromium.
* ``picture``: show one that a command has made there.
* ``edit``: change a file of the copy by a difference without line numbers, and show it. What it
  takes away must be there exactly once, so a page cannot outlive the code that it speaks of.
"""

import os
import shlex
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any, ClassVar

from docutils import nodes
from docutils.parsers.rst import directives
from sphinx.application import Sphinx
from sphinx.environment import BuildEnvironment
from sphinx.util import logging
from sphinx.util.docutils import SphinxDirective

ROOT = Path(__file__).parents[2]
TREES = ("config", "workflow", "tests", "lt2f")
FILES = ("Snakefile", "pyproject.toml")
STUDY = ("snakemake", "--cores", "2", "--configfile", "config/quick.yaml")

log = logging.getLogger(__name__)


class FreshError(Exception):
    """A page's command or edit did not do what the page says."""


def copy(app: Sphinx) -> None:
    """Make the copy anew, but for its results, and compute the small study in it."""
    fresh = Path(app.outdir).parent / "fresh"
    for tree in TREES:
        shutil.rmtree(fresh / tree, ignore_errors=True)
        shutil.copytree(ROOT / tree, fresh / tree, ignore=shutil.ignore_patterns("__pycache__"))
    for file in FILES:
        shutil.copy(ROOT / file, fresh / file)
    (fresh / "profiles").unlink(missing_ok=True)
    (fresh / "profiles").symlink_to("workflow/profiles")
    _lead_notebooks_to(fresh)
    app.env.fresh = fresh
    log.info("running %s in %s", " ".join(STUDY), fresh)
    (fresh / "run.log").write_text(_run(" ".join(STUDY), fresh, 0), encoding="utf-8")


def _lead_notebooks_to(fresh: Path) -> None:
    """Let notebooks begin in the copy, without what the builder's own IPython would do first."""
    profile = fresh / ".ipython" / "profile_default"
    profile.mkdir(parents=True, exist_ok=True)
    lines = f"c.IPKernelApp.exec_lines = ['%cd -q {fresh}']\nc.IPKernelApp.log_level = 'ERROR'\n"
    (profile / "ipython_kernel_config.py").write_text(lines, encoding="utf-8")
    os.environ["IPYTHONDIR"] = str(fresh / ".ipython")


def _run(command: str, where: Path, code: int) -> str:
    """Run a command as a shell does; its output, in which the copy is called as by a reader."""
    own = {
        "PATH": os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]]),
        "PYTHONPATH": str(where),
        "COLUMNS": "80",
        "NO_COLOR": "1",
    }
    done = subprocess.run(
        ["bash", "-c", command],
        cwd=where,
        env=os.environ | own,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    )
    if done.returncode != code:
        raise FreshError(f"{command}: ended with {done.returncode}, not {code}\n{done.stdout}")
    return done.stdout.replace(str(where), "~/lt2f").rstrip()


def _block(text: str, language: str) -> nodes.literal_block:
    block = nodes.literal_block(text, text)
    block["language"] = language
    return block


class Run(SphinxDirective):
    """Run commands and show what they print."""

    has_content = True
    option_spec: ClassVar[dict[str, Any]] = {
        "exit": directives.nonnegative_int,
        "first": directives.nonnegative_int,
        "last": directives.nonnegative_int,
    }

    def run(self) -> list[nodes.Node]:
        """Make the block."""
        shown = []
        for command in self.content:
            output = _run(command, self.env.fresh, self.options.get("exit", 0))
            shown += [f"$ {command}", *self._some(output.splitlines())]
        return [_block("\n".join(shown), "console")]

    def _some(self, lines: list[str]) -> list[str]:
        first, last = (self.options.get(which) for which in ("first", "last"))
        if first is None and last is None:
            return lines
        kept = (first or 0) + (last or 0)
        if kept >= len(lines):
            return lines
        return [*lines[: first or 0], "…", *lines[len(lines) - (last or 0) :]]


class File(SphinxDirective):
    """Write a file and show it."""

    has_content = True
    required_arguments = 1

    def run(self) -> list[nodes.Node]:
        """Make the block."""
        name, text = self.arguments[0], "\n".join(self.content)
        (self.env.fresh / name).write_text(text + "\n", encoding="utf-8")
        return [_named(name, _block(text, {"py": "python"}.get(name[-2:], "yaml")))]


class Edit(SphinxDirective):
    """Change a file by a difference, and show it."""

    has_content = True
    required_arguments = 1

    def run(self) -> list[nodes.Node]:
        """Make the block."""
        file = self.env.fresh / self.arguments[0]
        before, text = self._side("-"), file.read_text(encoding="utf-8")
        if text.count(before) != 1:
            raise FreshError(f"{self.arguments[0]}: not there exactly once:\n{before}")
        file.write_text(text.replace(before, self._side("+")), encoding="utf-8")
        return [_named(self.arguments[0], _block("\n".join(self.content), "diff"))]

    def _side(self, sign: str) -> str:
        return "".join(f"{line[1:]}\n" for line in self.content if line[:1] in (" ", sign, ""))


class Screenshot(SphinxDirective):
    """Show a page as a browser does."""

    has_content = True
    required_arguments = 1
    option_spec: ClassVar[dict[str, Any]] = {"alt": directives.unchanged_required}

    def run(self) -> list[nodes.Node]:
        """Make the figure."""
        page, chromium = self.env.fresh / self.arguments[0], shutil.which("chromium")
        if chromium is None or not page.exists():
            log.info("no screenshot of %s: no Chromium, or no such page", self.arguments[0])
            return []
        picture = self.env.fresh / f"{page.stem}.screenshot.png"  # pages list the results
        look = ["--headless", "--no-sandbox", "--hide-scrollbars", "--window-size=1280,1000"]
        command = [chromium, *look, f"--screenshot={picture}", page.as_uri()]
        _run(shlex.join(command), page.parent, 0)
        return [*self.parse_content_to_nodes(), _image(self, picture)]


class Picture(SphinxDirective):
    """Show a picture of the copy."""

    required_arguments = 1
    option_spec: ClassVar[dict[str, Any]] = {"alt": directives.unchanged_required}

    def run(self) -> list[nodes.Node]:
        """Make the image."""
        return [_image(self, self.env.fresh / self.arguments[0])]


def _image(directive: SphinxDirective, picture: Path) -> nodes.image:
    here = Path(directive.env.doc2path(directive.env.docname)).parent
    return nodes.image(uri=os.path.relpath(picture, here), alt=directive.options["alt"])


def _named(name: str, block: nodes.literal_block) -> nodes.Node:
    """Put a file's name over a block."""
    wrapper = nodes.container("", literal_block=True, classes=["literal-block-wrapper"])
    wrapper += nodes.caption(name, "", nodes.literal(name, name))
    wrapper += block
    return wrapper


DIRECTIVES = {
    "run": Run,
    "file": File,
    "edit": Edit,
    "picture": Picture,
    "screenshot": Screenshot,
}


def put_edits_last(app: Sphinx, env: BuildEnvironment, pages: list[str]) -> None:
    """Read pages that change the code after all others, which then show it as it is."""
    pages.sort(key=lambda page: "{edit} lt2f/" in Path(env.doc2path(page)).read_text("utf-8"))


def setup(app: Sphinx) -> dict[str, bool]:
    """Add the directives; the copy is made before pages are read."""
    app.connect("builder-inited", copy)
    app.connect("env-before-read-docs", put_edits_last)
    for name, directive in DIRECTIVES.items():
        app.add_directive(name, directive)
    return {"parallel_read_safe": False, "parallel_write_safe": True}
