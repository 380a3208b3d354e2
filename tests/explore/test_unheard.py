"""A law that somebody adds in a file of its own: no room breaks, and none says what is false."""

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

PROGRAM = Path(__file__).with_name("unheard.py")
MU, STRENGTH = 0.8, 0.25
SQUARED = "bounds the", "threshold below", "threshold above", "these weights", "κ", "ν ="


@pytest.fixture(scope="module")
def answers():
    done = subprocess.run([sys.executable, PROGRAM], capture_output=True, text=True, check=True)
    return json.loads(done.stdout)


@pytest.mark.parametrize("name", ["quartic", "shrinking"])
def test_it_has_a_place_everywhere(answers, name):
    told, symbol = answers[name], {"quartic": "β", "shrinking": "γ"}[name]
    assert told["view"][name] == STRENGTH
    assert f"{name}=0.3" in told["read"]
    assert "noise=0.0" in told["read"]
    assert set(told["barred"]) >= {"noise", "decay", "huber"}
    assert name not in told["barred"]
    assert f"{symbol} = 0.25" in told["headline"]
    assert told["label"].endswith(symbol)
    assert symbol in told["legend"]
    assert all(len(words) > 20 for words in told["pictures"])
    for word in SQUARED:
        assert word not in str([told[part] for part in ("legend", "rows", "verdict")])


@pytest.mark.parametrize(
    ("name", "slope", "kept", "grown"),
    [("quartic", lambda e: e + e**3 / 4, 1.0, 0.25 / 4), ("shrinking", lambda e: e, 0.5, 0.499)],
)
def test_its_cobweb_is_that_of_the_law_and_its_strength_grows_as_it_says(
    answers, name, slope, kept, grown
):
    x, after = np.array(answers[name]["web"])
    # Terms up to a hundred, each rounded.
    np.testing.assert_allclose(after, (kept - slope(x * x - MU)) * x, atol=1e-12)
    # Up to the bound, 0.5: 0.25 * 2 is just there.
    assert answers[name]["doubled"][name] == pytest.approx(grown, rel=3e-3)


def test_of_a_law_that_fits_the_minima_are_told_and_of_another_one_nothing(answers):
    quartic, shrinking = answers["quartic"], answers["shrinking"]
    assert {"ma", "sa"} <= set(quartic["drawn"])
    assert not {"ea", "ra", "qa"} & set(quartic["drawn"])
    assert shrinking["drawn"] == ["x", "next"]
    assert ["dotted", "β = 2 − μ: nothing"] in quartic["key"]
    assert ["solid", "far off"] in quartic["key"]
    assert quartic["rows"]["a² + b², step size × sharpness"] == "stable below 2"
    assert set(shrinking["rows"].values()) == {""}
    assert quartic["verdict"]["balanced minimum"].startswith("stable")
    assert "balanced minimum" not in shrinking["verdict"]
    # An origin that repels collapses nothing; of the other law nobody knows.
    collapsed = [any(words == "collapsed" for _, words in x["key"]) for x in (quartic, shrinking)]
    assert collapsed == [False, True]
