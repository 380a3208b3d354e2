"""Claims that are identities: they hold step by step, on any run, to rounding."""

from itertools import pairwise

import numpy as np

from lt2f.claims import forms, runs
from lt2f.claims.forms import Finding, Floats
from lt2f.claims.ledger import ABSTRACT, Room, derived
from lt2f.claims.study import Study

ROOM = Room("identities")

_PROOF = derived("one step of the map, expanded; tests/dynamics/test_identities.py")
_ROUNDING = 1e-11  # of a step: terms below 1e2, some 10 operations, and room
_RESOLUTION = 1e-6  # far below any term of an identity, far above rounding
_STEPS = 60


def _path() -> tuple[Floats, list[tuple[Floats, Floats]]]:
    mu = np.linspace(0.02, 1.98, 2000)
    return mu, list(runs.descend(*runs.inner_starts(mu, 0.99), mu, _STEPS))


def _largest(differences: list[Floats]) -> Finding:
    largest = float(np.max(np.abs(differences)))
    return forms.value(0.0, largest, _ROUNDING, _RESOLUTION, "2,000 runs")


def _steps(left: str) -> Finding:
    """Compare a quantity after each step with what the identity makes of the step before."""
    mu, path = _path()
    state = [_state(mu, a, b) for a, b in path]
    return _largest([y[left] - _AFTER[left](mu, x) for x, y in pairwise(state)])


def _state(mu: Floats, a: Floats, b: Floats) -> dict[str, Floats]:
    h = runs.ellipse_side(a, b, mu)
    e = a * b - mu
    return {"e": e, "h": h, "S": a * a + b * b, "imbalance": a * a - b * b}


_AFTER = {
    "e": lambda mu, s: s["e"] * (s["e"] ** 2 - 3 - s["h"]),
    "h": lambda mu, s: s["h"] * (1 + mu * s["e"] + s["e"] ** 2),
    "S": lambda mu, s: s["S"] * (1 + s["e"] ** 2) - 4 * s["e"] * (s["e"] + mu),
    "imbalance": lambda mu, s: s["imbalance"] * (1 - s["e"] ** 2),
}

for _name, _text in (
    ("imbalance", "the imbalance a^2 - b^2 becomes (a^2 - b^2)(1 - e^2), e = ab - mu"),
    ("h", "h = a^2 + b^2 - mu ab - (4 - mu^2) becomes h(1 + mu e + e^2), e = ab - mu"),
    (
        "e",
        "the residual e = ab - mu becomes e(e^2 - 3 - h), h = a^2 + b^2 - mu ab - (4 - mu^2)",
    ),
    ("S", "S = a^2 + b^2 becomes S(1 + e^2) - 4e(e + mu), e = ab - mu"),
):

    @ROOM.claim(_name.lower(), f"in each step {_text} (largest difference)", _PROOF)
    def _identity(study: Study, name: str = _name) -> Finding:
        return _steps(name)


@ROOM.claim(
    "sum_of_logarithms",
    "along a run the sum of log|1 - e| is log|u_n/u_0|, and that of log|1 + e| is log|v_n/v_0|, "
    "with u, v = a + b, a - b (largest difference)",
    _PROOF,
)
def _sums(study: Study) -> Finding:
    # Eight steps: a balanced run's v falls below the rounding of a - b soon after.
    mu = np.linspace(0.02, 1.98, 2000)
    path = list(runs.descend(*runs.inner_starts(mu, 0.99), mu, 8))
    differences = []
    for sign in (1.0, -1.0):
        total = np.zeros(mu.size)
        for a, b in path[:-1]:
            total += np.log(np.abs(1 - sign * (a * b - mu)))
        (a, b), (a_end, b_end) = path[0], path[-1]
        whole = np.log(np.abs((a_end + sign * b_end) / (a + sign * b)))
        small = np.abs(a_end + sign * b_end) < 1e-3  # what is left of a difference of doubles
        differences.append(np.where(small, 0.0, total - whole))
    return _largest(differences)


@ROOM.claim(
    "minimum_hessian",
    "at a minimum the Hessian of the loss has the eigenvalues 0 and S = a^2 + b^2 (largest "
    "difference)",
    derived("the gradient of (ab - mu)^2/2 is e (b, a); lt2f/dynamics/theory.py"),
)
def _hessian(study: Study) -> Finding:
    a = np.linspace(0.3, 3.0, 200)
    b, step = 0.9 / a, 1e-4
    shifts = -step, 0.0, step
    loss = [[((a + i) * (b + j) - 0.9) ** 2 / 2 for j in shifts] for i in shifts]
    aa = (loss[2][1] - 2 * loss[1][1] + loss[0][1]) / step**2
    bb = (loss[1][2] - 2 * loss[1][1] + loss[1][0]) / step**2
    ab = (loss[2][2] - loss[2][0] - loss[0][2] + loss[0][0]) / (4 * step**2)
    values = np.linalg.eigvalsh(np.moveaxis(np.array([[aa, ab], [ab, bb]]), -1, 0))
    off = np.stack([values[:, 0], values[:, 1] - (a * a + b * b)])
    # differences of the loss: step^2 of the fourth derivative, and rounding over step^2
    note = "second differences, 200 minima"
    return forms.value(0.0, float(np.abs(off).max()), 1e-6, 1e-3, note)


# From the transformer to the map


def _transformer(
    factors: Floats, prompt: Floats, target: float, query: Floats, rate: float
) -> Floats:
    """Train linear attention u x_q^T W h on one prompt; (a, b) of the reduction at each step.

    `prompt` has a row (x_i, y_i) per context pair and h is the mean of y_i x_i; W is a full matrix.
    """
    h = (prompt[:, -1:] * prompt[:, :-1]).mean(axis=0)
    size = np.linalg.norm(query) * np.linalg.norm(h)
    sign = np.sign(target)
    u, w = factors[0], factors[1:].reshape(query.size, query.size)
    states = []
    for _ in range(31):
        weight = float(query @ w @ h) / size
        states.append((u * sign * np.sqrt(rate) * size, weight * np.sqrt(rate) * size))
        residual = u * float(query @ w @ h) - target
        u, w = (
            u - rate * residual * float(query @ w @ h),
            w - rate * residual * u * np.outer(query, h),
        )
    return np.array(states)


@ROOM.claim(
    "reduction",
    "training on one prompt reduces exactly to the map with mu = step size * |c y_q| (largest "
    "difference over 30 steps of linear attention with a trainable matrix)",
    f"{ABSTRACT}; derived: the gradient in W has rank one",
)
def _reduction(study: Study) -> Finding:
    chance, largest = runs.generator(), 0.0
    for mu in np.linspace(0.1, 1.2, 56):  # up to where rounding does not grow exponentially
        prompt, query = chance.normal(size=(8, 4)), chance.normal(size=3)
        h = (prompt[:, -1:] * prompt[:, :-1]).mean(axis=0)
        c, target = np.linalg.norm(query) * np.linalg.norm(h), float(chance.normal())
        rate = mu / (c * abs(target))
        scale = 0.3 / (np.sqrt(rate) * c)
        factors = scale * chance.normal(size=10)
        states = _transformer(factors, prompt, target, query, rate)
        a, b = states[0]
        path = runs.descend(np.array([a]), np.array([b]), np.array([mu]), 30)
        for (a_n, b_n), state in zip(path, states, strict=True):
            largest = max(largest, abs(a_n[0] - state[0]), abs(b_n[0] - state[1]))
    note = "56 prompts of 8 pairs in 3 dimensions"
    return forms.value(0.0, float(largest), 1e-10, _RESOLUTION, note)
