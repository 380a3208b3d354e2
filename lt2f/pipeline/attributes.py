"""What a dataset says of itself: its title, where it comes from, and how to make it again."""

import json
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import numpy as np

import lt2f
from lt2f.dynamics.steps import STEPS
from lt2f.pipeline.identity import canonical_json
from lt2f.pipeline.settings import Settings, SettingsError, parse

if TYPE_CHECKING:  # who only reads datasets has no need of what computes them
    import xarray as xr

    from lt2f.pipeline.plan import Plan

LAYOUT_VERSION = 1  # of datasets; readers refuse any other
_READ = (  # texts that readers count on
    "summary",
    "history",
    "lt2f_version",
    "lt2f_settings",
    "lt2f_identity",
    "code_sha256",
    "content_sha256",
)
REFERENCE = "arXiv:2605.21292"
_SUBJECT = "a two-factor linear transformer at large step sizes"
_TITLES = {
    "map": "Long-run behaviour",
    "orbit": "Orbits",
    "trajectory": "Trajectories",
    "ellipse": "Chaos on the ellipse",
    "transformer": "Training runs",
}
_SUMMARY = {
    "none": "Gradient descent (a, b) -> (a - (ab - mu) b, b - (ab - mu) a) on one prompt, "
    "mu = step size * |c y_q|.",
    "ellipse": "Chaotic orbits of (a, b) -> (a - (ab - mu) b, b - (ab - mu) a) on the invariant "
    "ellipse a^2 + b^2 - mu a b = 4 - mu^2, followed exactly by their angle from random starts.",
    "transformer": "Gradient descent with step size eta on the loss (prediction - y)^2 / 2 of a "
    "linear transformer on the tokens of one Gaussian prompt, labelled by its own outputs, in the "
    "units of (a, b) -> (a - (ab - mu) b, b - (ab - mu) a), whose forecast stands beside it.",
    "multiplicative": "Mini-batch descent (a, b) -> (a - r b, b - r a), r = h (ab - mu), with a "
    "random multiplier h of mean 1 at each step and standard deviation noise.",
    "target": "Mini-batch descent (a, b) -> (a - r b, b - r a), r = ab - m, with a random target m "
    "of mean mu at each step and standard deviation noise.",
    "prompts": "Mini-batch descent (a, b) -> (a - r b, b - r a), r = h ab - mu g, on batches of "
    "Gaussian prompts from a pool, with h and g the batch's means of c^2 and c y over the pool's; "
    "mu = step size * |mean of c y|, and (ab - mu)^2 / 2 is what the pool's mean loss exceeds its "
    "least value by.",
    "factors": "Mini-batch descent (a, b) -> (a - h e b, b - k e a), e = ab - mu, with independent "
    "random multipliers h and k of mean 1 at each step and standard deviation noise.",
} | {
    name: f"Gradient descent on one prompt, mu = step size * |c y_q|, with {law.formula}; monotone "
    "and catapult are said of that loss, loss_mean and loss_peak_ratio of (ab - mu)^2 / 2."
    for name, law in STEPS.items()
}


def attributes(plan: "Plan", content: str) -> dict[str, Any]:
    """Return the attributes of a plan's dataset, whose hash `content` is."""
    now = datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    sweep = plan.sweep.model_dump(
        mode="json", by_alias=True, exclude_defaults=True, exclude={"tile"}
    )
    settings = {"study": plan.study, "seed": plan.seed, "sweeps": {plan.name: sweep}}
    pool = plan.prompt_covariance
    known = {} if pool is None else {"prompt_covariance": pool}  # of (h, g): hh, hg, gg
    edges = plan.almost_sure_edges
    known |= {} if edges is None else {"almost_sure_edges": edges}  # over batch_size
    return {
        "Conventions": "CF-1.11",
        "title": f"{_TITLES[plan.task.kind]} of {_SUBJECT}",
        "summary": _SUMMARY.get(plan.task.kind, _SUMMARY[plan.task.noise]),
        "references": REFERENCE,
        "source": f"lt2f {lt2f.__version__}",
        "history": f"{now}: made by lt2f {lt2f.__version__}, study {plan.study}, sweep {plan.name}",
        "lt2f_version": lt2f.__version__,
        "lt2f_layout": np.int32(LAYOUT_VERSION),
        "lt2f_settings": json.dumps(settings),  # unsorted: the order of axes is that of dimensions
        "lt2f_identity": canonical_json(plan.identity()),
        "seed": np.uint64(plan.seed),
        "code_sha256": plan.code,
        "content_sha256": content,
        **known,
    }


def settings_of(dataset: "xr.Dataset") -> Settings:
    """Read the settings that made a dataset, of one sweep, from what it says of itself.

    Anybody may have written that, so no reader has to look whether it is as `attributes` makes it.

    Raises
    ------
    SettingsError
        If it is not.
    """
    told = dataset.attrs
    kinds = {**dict.fromkeys(_READ, str), "seed": np.integer}
    if odd := [name for name, kind in kinds.items() if not isinstance(told.get(name), kind)]:
        raise SettingsError(f"does not say how it was made ({', '.join(odd)})")
    try:
        settings = parse(json.loads(told["lt2f_settings"]))
    except SettingsError as error:
        raise SettingsError(f"its settings break a rule: {error}") from None
    except (ValueError, RecursionError) as error:
        raise SettingsError(f"does not say how it was made ({error})") from None
    if len(settings.sweeps) != 1:
        raise SettingsError(f"its settings are of {len(settings.sweeps)} sweeps, not of one")
    (sweep,) = settings.sweeps.values()
    if lacking := {*sweep.axes} - {getattr(sweep, "count", None), *dataset.dims}:
        raise SettingsError(f"its settings say axes that it lacks: {', '.join(sorted(lacking))}")
    return settings
