"""The theory pages: what they name exists, their numbers are computed anew, their algebra holds.

Identities that other tests prove are named by the pages and not repeated here.
"""

import ast
import math
import re
from functools import cache
from pathlib import Path
from typing import NamedTuple

import mpmath
import numpy as np
import pytest
import sympy as sp
from hypothesis import example, given
from hypothesis import strategies as st
from scipy import stats

from lt2f.claims import book
from lt2f.dynamics import (
    averages,
    batch_theory,
    decay,
    ellipse_cycles,
    factor_noise,
    noise_theory,
    repeller,
    superstable,
    theory,
    thresholds,
    transverse,
)

ROOT = Path(__file__).resolve().parents[1]
PAGES = sorted((ROOT / "docs" / "theory").glob("*.md"))
STATUS = {
    "Definition",
    "Proved here",
    "Stated in the paper, proved here",
    "Quoted",
    "Sketch",
    "Argument, no proof",
    "Seen in numbers",
}
LINE = re.compile(
    r"\*\*(?P<status>[^*]+)\.\*\* Checked in (?P<tests>[^.]*(?:\.py::[^.]*)*)\. "
    r"Measured: (?P<claims>[^.]*)\.(?: Threshold: (?P<thresholds>[^.]*)\.)?"
)
NUMBER = re.compile(r"\| (?P<value>-?[\d.]+) \| [^|]+ \| `(?P<expression>[^`]+)` \|")
DECIMAL = re.compile(r"(?<![\w.:])-?\d+\.\d{4,}")


class Statement(NamedTuple):
    """A heading of the third level, and what it rests on."""

    title: str
    status: str
    tests: list[str]
    claims: list[str]
    thresholds: list[str]


def quoted(text: str | None) -> list[str]:
    """Names in backticks; nothing but these, commas and the word none may stand there."""
    names = re.findall(r"`([^`]+)`", text or "none")
    assert text is None or text == (", ".join(f"`{name}`" for name in names) or "none"), text
    return names


def statements(page: Path) -> list[Statement]:
    found = []
    for part in page.read_text(encoding="utf-8").split("\n### ")[1:]:
        title, _, line = part.split("\n", 3)[:3]
        match = LINE.fullmatch(line)
        assert match, f"{page.name}: {title}: {line}"
        rest = (quoted(match[name]) for name in ("tests", "claims", "thresholds"))
        found.append(Statement(title, match["status"], *rest))
    return found


@cache
def functions_of(path: str) -> set[str]:
    tree = ast.parse((ROOT / path).read_text(encoding="utf-8"))
    return {node.name for node in ast.walk(tree) if isinstance(node, ast.FunctionDef)}


@cache
def mus() -> dict[str, float]:
    return {row.id: row.mu for row in thresholds.full_table()}


by_page = pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)


@by_page
def test_every_statement_says_what_it_rests_on(page):
    known = {claim.id for claim in book.claims()}
    for statement in statements(page):
        assert statement.status in STATUS, statement.title
        for name in statement.tests:
            path, function = name.split("::")
            assert function in functions_of(path), f"{statement.title}: {name}"
        assert set(statement.claims) <= known, statement.title
        assert set(statement.thresholds) <= mus().keys(), statement.title


@by_page
def test_what_is_proved_is_closed_and_checked(page):
    """A proof ends with its sign, in its own section; and a proof alone is called one."""
    for part in page.read_text(encoding="utf-8").split("\n### ")[1:]:
        title, body = part.split("\n## ")[0].split("\n", 1)
        ends = "*Proof.*" in body and "∎" in body
        assert ends or "roved here.**" not in body, title
        assert "roved here.**" not in body or "::" in body, title


def test_the_index_lists_every_page():
    index = (ROOT / "docs" / "theory" / "index.md").read_text(encoding="utf-8")
    listed = index.split("```{toctree}")[1].split("```")[0].split("\n\n", 1)[1].split()
    assert sorted(listed) == sorted(page.stem for page in PAGES if page.stem != "index")


NAMES = {
    module.__name__.rsplit(".", 1)[-1]: module
    for module in (
        averages,
        batch_theory,
        decay,
        ellipse_cycles,
        factor_noise,
        math,
        noise_theory,
        repeller,
        stats,
        superstable,
        theory,
        transverse,
    )
}


@by_page
def test_numbers_are_those_of_the_code(page):
    text = page.read_text(encoding="utf-8")
    body, *table = text.split("\n## Numbers on this page\n")
    rows = NUMBER.findall(table[0]) if table else []
    assert len(rows) == "".join(table).count("`") // 2  # no row is written otherwise
    exact = []
    for value, expression in rows:
        number = float(eval(expression, {**NAMES, "mu": mus()}))
        digits = len(value.partition(".")[2])
        assert f"{number:.{digits}f}" == value, expression
        exact.append(number)
    for decimal in DECIMAL.findall(body):
        digits = len(decimal.partition(".")[2])
        assert decimal in {f"{number:.{digits}f}" for number in exact}, decimal


@by_page
def test_links_lead_to_pages(page):
    for target in re.findall(r"\]\(([^)#:]+)\)", page.read_text(encoding="utf-8")):
        assert (page.parent / target).is_file(), target


# Algebra of the pages that no other test proves

k, e, S, q, eps, T = sp.symbols("k e S q eps T")
mu = sp.symbols("mu", positive=True)


def vanishes(expression) -> bool:
    return sp.expand(expression) == 0


def residual(e, mu=mu):
    return e**3 + (mu - 2) * e**2 + (1 - 2 * mu) * e


def test_extrema_stay_in_the_slice_up_to_two():
    assert vanishes(4 * k**3 - 27 * (k + 1) - (k - 3) * (2 * k + 3) ** 2)


def test_fixed_points_of_the_residual():
    assert vanishes(residual(e) - e - e * (e - 2) * (e + mu))
    slope = sp.diff(residual(e), e)
    for point, value in ((-mu, (1 + mu) ** 2), (0, 1 - 2 * mu), (2, 5 + 2 * mu)):
        assert vanishes(slope.subs(e, point) - value)


def test_cycles_of_residual_period_two():
    """Six points: a two-cycle, and two cycles of p = 1 - e, q with pq = -1 and p + q = w."""
    twice = sp.expand(residual(residual(e)) - e)
    quotient, rest = sp.div(twice, sp.expand(residual(e) - e), e)
    assert rest == 0
    p = 1 - e
    turned = sp.expand((p**2 - 1) ** 2 - (1 + mu) * p * (p**2 - 1) + 2 * p**2)
    assert vanishes(quotient - (e**2 - (1 - mu) * e + (1 - mu)) * turned)
    # w = p - 1/p: every real w has two real p, and w^2 - k w + 2 = 0 is real iff k^2 >= 8
    w = p - 1 / p
    assert sp.simplify(turned - p**2 * (w**2 - (1 + mu) * w + 2)) == 0
    assert vanishes(sp.discriminant(e**2 - (1 - mu) * e + (1 - mu), e) - (1 - mu) * (-3 - mu))


def test_schwarzian_is_negative():
    c1, c2 = sp.symbols("c1 c2", real=True)
    slope = (e - c1) * (e - c2)
    ratio = sp.diff(slope, e) / slope
    schwarzian = sp.diff(ratio, e) - ratio**2 / 2
    one, two = 1 / (e - c1), 1 / (e - c2)
    assert sp.simplify(schwarzian + one**2 + two**2 + (one + two) ** 2 / 2) == 0


@pytest.mark.parametrize("value", [0.7, 1.5, 2.0])
def test_iterates_vary_at_most_by_powers_of_three(value):
    end = math.sqrt(2 + value)
    x = np.linspace(-end, end, 200_001)  # a sample of points sees no more than the variation
    for n in range(1, 8):
        x = (1 + value) * x - x**3
        assert np.abs(np.diff(x)).sum() <= 3**n * 2 * end * (1 + 1e-9)  # rounding


# Far out


def test_far_out_two_steps_never_lower_the_sharpness():
    after = S * (1 + e**2) - 4 * e * (e + mu)
    image = e * (1 + mu * e + e**2 - S)
    assert vanishes(after - S - (e**2 * (S - 4) - 4 * mu * e))
    # least at e = 2 mu/(S - 4), and the bound of both steps
    assert sp.simplify((after - S).subs(e, 2 * mu / (S - 4)) + 4 * mu**2 / (S - 4)) == 0
    both = -4 * mu * e - 4 * mu * image
    assert vanishes(both - 4 * mu * e * (S - 2 - mu * e - e**2))


@given(
    value=st.floats(0.01, 1.99),
    sharpness=st.floats(14, 1e6),
    share=st.floats(-0.5, 0.5),
    exponent=st.floats(-12, 0),
)
@example(value=1.9, sharpness=14.0, share=0.038, exponent=0.0)
def test_from_far_out_nothing_returns(value, sharpness, share, exponent):
    """Starts everywhere and, with small exponents, next to the minima ab = mu."""
    product = value + (share * sharpness - value) * 10.0**exponent
    product = math.copysign(min(abs(product), sharpness / 2), product)
    total, gap = math.sqrt(sharpness + 2 * product), math.sqrt(sharpness - 2 * product)
    a, b = (total + gap) / 2, (total - gap) / 2
    for _ in range(60):
        e = a * b - value
        a, b = a - e * b, b - e * a
        assert a * a + b * b >= 12 * (1 - 1e-12)  # rounding
        if a * a + b * b > 1e100:
            break


# At the edge of stability


def test_two_steps_at_the_edge():
    balanced = sp.expand(residual(residual(e, 1), 1))
    assert sp.series(balanced, e, 0, 4).removeO() == e - 4 * e**3
    # off balance, S = q + 2e + 2; e and the square root of q count as one order
    factor = 1 + e + e**2 - (q + 2 * e + 2)
    e1, q1 = e * factor, q * (1 + e) ** 2
    scaled = {e: eps * e, q: eps**2 * q}
    e2 = sp.expand((e * factor).subs({e: e1, q: q1}, simultaneous=True).subs(scaled))
    q2 = sp.expand((q1 * (1 + e1) ** 2).subs(scaled))
    assert vanishes(
        sum(e2.coeff(eps, n) * eps**n for n in range(4)) - eps * e + eps**3 * (4 * e**3 - 2 * q * e)
    )
    assert vanishes(
        sum(q2.coeff(eps, n) * eps**n for n in range(5)) - eps**2 * q + eps**4 * (4 * e**2 * q)
    )


def test_two_steps_next_to_sharpness_two():
    """In T = 2 - sqrt(d2 + 4 mu^2), d2 the squared imbalance; e and T count as one order."""

    def step(e, d2):
        return e * (1 + mu * e + e**2 - sp.sqrt(d2 + 4 * (mu + e) ** 2)), d2 * (1 - e**2) ** 2

    def second(expression):
        """Its coefficient of eps^2; those below are the start's."""
        return sp.simplify(sp.diff(expression, eps, 2).subs(eps, 0) / 2)

    image, d2_after = step(*step(eps * e, (2 - eps * T) ** 2 - 4 * mu**2))
    lost, gained = second(image), second(2 - sp.sqrt(d2_after + 4 * mu**2))
    assert vanishes(lost + 2 * T * e)
    assert vanishes(gained - 4 * (1 - mu**2) * e**2)
    # so that T^2 + 2(1 - mu^2) e^2 keeps its leading order
    assert vanishes(2 * T * gained + 2 * (1 - mu**2) * 2 * e * lost)


# Averages and noise


def test_escape_threshold_is_a_hyperbolic_sine():
    w = sp.symbols("w")
    left = (4 * k**3 / 27 + k).subs(k, 3 * sp.sinh(w))
    assert sp.simplify(sp.expand((left - sp.sinh(3 * w)).rewrite(sp.exp))) == 0
    # 2 (k/3)^(3/2) = sqrt(3 + 2 mu - k), squared, with k = 1 + mu + B
    assert vanishes(4 * k**3 / 27 - (3 + 2 * mu - k) - (4 * k**3 / 27 + k - (3 + 2 * mu)))


def test_averaging_hurts_once_both_sides_are_visited():
    gap = 4 * k**3 - 54 * k + 54  # 27 times the largest e - mu, k = 1 + mu
    assert vanishes(gap - (k - 3) * (4 * k**2 + 12 * k - 18))
    root = (3 * sp.sqrt(3) - 3) / 2
    assert vanishes(gap.subs(k, root))
    assert root < 1.1
    assert gap.subs(k, 2) < 0


def test_exponents_at_full_chaos_telescope():
    """With x = 2 cos t, 3 - 3x^2 and 1 + e are sin 3t/sin t, but for a factor -3."""
    t = sp.symbols("t")
    ratio = sp.expand_trig(sp.sin(3 * t)) / sp.sin(t)
    cosine = 2 * sp.cos(t)
    assert sp.simplify(3 - 3 * cosine**2 + 3 * ratio) == 0
    assert sp.simplify(1 + cosine**2 - 2 - ratio) == 0
    image = sp.expand_trig(sp.expand(3 * cosine - cosine**3 + 2 * sp.cos(3 * t)))
    assert sp.simplify(image) == 0


# Other eigenspaces of the full model


RATIOS = np.array([0.1, 0.25, 0.5, 0.75, 0.9])


def growth(value: float) -> tuple[np.ndarray, np.ndarray]:
    """Mean of log|1 - k e| on the balanced attractor for each ratio k, and its standard error."""
    x = np.sqrt(2 + value) * np.linspace(0.1, 0.6, 100)
    total = np.zeros((RATIOS.size, x.size))
    for step in range(5000):
        if step >= 1000:
            total += np.log(np.abs(1 - RATIOS[:, np.newaxis] * (x * x - value)))
        x = (1 + value) * x - x**3
    return total.mean(axis=1) / 4000, total.std(axis=1, ddof=1) / 4000 / 10


@pytest.mark.parametrize("value", [1.1, 1.25, 1.4, 1.55])
def test_flatter_eigenspaces_grow_on_attractors_that_keep_their_side(value):
    mean, error = growth(value)
    assert (mean > 4 * error).all()
    # concave in k, and 0 at both ends: above the chords
    assert (np.diff(np.diff([0, *mean, 0]) / np.diff([0, *RATIOS, 1])) < 0).all()


@pytest.mark.parametrize(("value", "grow"), [(1.65, RATIOS <= 0.75), (1.95, RATIOS <= 0.1)])
def test_flatter_eigenspaces_beyond_the_merging(value, grow):
    mean, error = growth(value)
    assert (np.abs(mean) > 4 * error).all()
    assert ((mean > 0) == grow).all()


@pytest.mark.parametrize("ratio", [0.05, 0.25, 0.45, 0.55, 0.8, 0.95])
def test_at_full_chaos_flatter_eigenspaces_die_out(ratio):
    root = mpmath.sqrt(max(0.0, 1 - 4 * ratio * ratio))
    known = mpmath.log((1 + root) / 2) if ratio < 0.5 else mpmath.log(ratio)
    zeros = [mpmath.acos(1 / (2 * ratio))] if ratio >= 0.5 else []
    mean = mpmath.quad(
        lambda t: mpmath.log(abs(1 - 2 * ratio * mpmath.cos(t))), [0, *zeros, mpmath.pi]
    )
    assert float(mean / mpmath.pi - known) == pytest.approx(0, abs=1e-8)  # a logarithm's end
    assert known < 0


def test_catapults_off_balance_at_every_step_size():
    """On ab = mu with 2 < S < 4: inside the ellipse, and past the criterion for a rise."""
    a, b = sp.symbols("a b", real=True)
    norm, product = a**2 + b**2, a * b - mu
    side, rise = norm - mu * product - 4, norm - (2 + mu * product + product**2)
    on = {b: mu / a}
    assert sp.simplify((side - (norm - 4)).subs(on)) == 0
    assert sp.simplify((rise - (norm - 2)).subs(on)) == 0
