"""The command in a shell: completion, other ways to start it, and how fast its help is."""

import shutil
import subprocess
import sys
import time
from pathlib import Path

import pytest

LT2F = Path(sys.executable).with_name("lt2f")
# Sources what is printed, then asks what the words given would become if Tab were pressed.
PRESS_TAB = """
PATH="$1:$PATH"; shift
eval "$(lt2f completion bash)"
COMP_WORDS=("$@") COMP_CWORD=$(($# - 1)) COMPREPLY=()
_lt2f_completion lt2f
printf '%s\\n' "${COMPREPLY[@]}"
"""


def completed(*words):
    run = subprocess.run(
        ["bash", "--norc", "-c", PRESS_TAB, "bash", LT2F.parent, "lt2f", *map(str, words)],
        capture_output=True, text=True, check=True,
    )  # fmt: skip
    return run.stdout.split()


@pytest.mark.skipif(shutil.which("bash") is None, reason="needs bash")
class TestBash:
    def test_commands_are_completed(self):
        assert completed("s") == ["schema", "settling", "show", "summary", "sweep"]
        assert completed("adv") == ["advise"]

    def test_options_and_their_values_are_completed(self):
        assert completed("plot", "--dr") == ["--drawing"]
        assert completed("plot", "--format", "p") == ["png", "pdf"]
        assert completed("completion", "") == ["bash", "zsh", "fish"]

    def test_drawings_are_those_that_fit_the_file(self, results):
        assert completed("plot", results / "plane.nc", "--drawing", "")[0] == "regime_map"
        assert completed("plot", results / "plane.nc", "--drawing", "x") == []
        assert completed("plot", results / "missing.nc", "--drawing", "") == []

    def test_works_are_completed(self):
        assert set(completed("bench", "--work", "W")) >= {"W1", "W2"}


@pytest.mark.parametrize(("shell", "words"), [("zsh", "#compdef lt2f"), ("fish", "complete ")])
def test_there_is_completion_for(typed, shell, words):
    found = typed("completion", shell)
    assert found.returncode == 0
    assert words in found.stdout
    assert "_LT2F_COMPLETE" in found.stdout


def test_the_module_is_the_command(typed):
    words = [sys.executable, "-m", "lt2f", "check", "--help"]
    run = subprocess.run(words, capture_output=True, text=True, check=True)
    assert run.stdout == typed("check", "--help").stdout


def test_alone_it_shows_its_help(typed):
    found = typed()
    assert (found.stdout or found.stderr) == typed("--help").stdout


def test_what_is_misspelt_is_said_right(typed):
    found = typed("advice")
    assert found.returncode == 2
    (line,) = found.stderr.splitlines()
    assert "Did you mean 'advise'?" in line


def test_help_comes_at_once(typed):
    def seconds():
        begin = time.perf_counter()
        typed("--help")
        return time.perf_counter() - begin

    # It takes 0.06 s; the best of a few, for the machine may be busy.
    assert min(seconds() for _ in range(5)) < 0.3
