"""The documentation, built in a process of its own beside whatever else runs."""

import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).parents[2]
OPTIONS = ["--fail-on-warning", "--nitpicky", "--quiet"]


class Build:
    """A build that has begun; the code on its pages runs in a copy of the tree."""

    def __init__(self) -> None:
        self.folder = Path(tempfile.mkdtemp(prefix="lt2f-site-"))
        self.out, said = self.folder / "html", self.folder / "said"
        command = [sys.executable, "-m", "sphinx", *OPTIONS, str(ROOT / "docs"), str(self.out)]
        with said.open("w") as file:
            self.process = subprocess.Popen(command, stdout=file, stderr=file)
        self._said = said

    def wait(self) -> str:
        """Wait for its end; what it had to say against the pages, nothing if it succeeded."""
        return self._said.read_text() or "failed" if self.process.wait() else ""

    def remove(self) -> None:
        """Stop it if it still runs, and take away what it made."""
        self.process.terminate()
        self.process.wait()
        shutil.rmtree(self.folder)
