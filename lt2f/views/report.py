"""report.html: all that a study found, on one page that needs no other file and no network.

What the page links to, datasets and figures in full size, lies beside it in the study's folder.
"""

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import xarray as xr
from jinja2 import Environment, FileSystemLoader, StrictUndefined

from lt2f.advice.answer import advise
from lt2f.claims.forms import Status
from lt2f.dynamics import thresholds
from lt2f.dynamics.codes import Regime
from lt2f.views import claims, contents, origin, pictures, rooms, style, tables, trainings
from lt2f.views.files import whole

_TEMPLATES: Final = Path(__file__).parent / "templates"
_EXAMPLE: Final[dict[str, Any]] = {
    "learning_rate": 0.5,
    "factor": 1.5,
    "target": 0.7,
    "start": (0.5, 0.2),
}
_DOUBLINGS: Final = 5  # of the cascade that the page lists
_AS_WELL: Final = {"bands_merge_4_to_2", "antisymmetric_merging", "antisymmetric_crisis"}
_SIGNS: Final = {
    r"\bmu\b": "μ",
    r"\^2\b": "²",
    r"\^3\b": "³",
    r"\^4\b": "⁴",
    "<=": "≤",
    ">=": "≥",
    r"\+-": "±",
    " - ": " − ",
    r"(?<![\w.)/])-(?=[\d.])": "−",
}
_LABELS: Final = {
    "map": "map",
    "orbit": "orbits",
    "trajectory": "trajectories",
    "transformer": "trained transformer",
    "ellipse": "chaos on the ellipse",
}


@dataclass(frozen=True, slots=True)
class Sweep:
    """A dataset on the page."""

    name: str
    kind: str
    spans: str
    cells: int
    megabytes: float
    cost: origin.Cost | None
    content: str
    outcomes: dict[Regime, int]

    def share(self, regime: Regime) -> str:
        """Write the share of runs that end in a regime; nothing if none does."""
        count = self.outcomes.get(regime, 0)
        if not count:
            return ""
        share = count / sum(self.outcomes.values())
        return f"{share:.1%}" if share >= 0.0005 else "< 0.1%"


def write(
    datasets: Mapping[str, xr.Dataset],
    figures: Iterable[Mapping[str, Any]],
    folder: Path,
    path: Path,
) -> None:
    """Write the report of a study.

    Parameters
    ----------
    datasets
        Sweeps by name; their files are <name>.nc in the folder.
    figures
        The figures of the study, as its stamp lists them: stem, drawing and sweeps.
    folder
        The study's results. The page shows thresholds.csv, claims.csv and settling.csv as far as
        they are there, figures/<stem>.png, and the times in benchmarks/.
    path
        The page. The same files give the same bytes.

    Raises
    ------
    OSError
        If a picture or a dataset cannot be read or the page cannot be written.
    lt2f.views.claims.LedgerError
        If claims.csv is not a ledger.
    """
    environment = Environment(
        loader=FileSystemLoader(_TEMPLATES),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters["symbols"] = symbols
    said = dict(_said(datasets, list(figures), folder))
    text = environment.get_template("report.html").render(said)
    with whole(path) as draft:
        draft.write_text(text, encoding="utf-8")


def _said(
    datasets: Mapping[str, xr.Dataset], figures: list[Mapping[str, Any]], folder: Path
) -> Iterator[tuple[str, Any]]:
    """Yield what the template speaks of, by name."""
    settings = origin.settings(datasets)
    stems = [f"figures/{figure['stem']}" for figure in figures]
    costs = origin.costs(
        folder / "benchmarks", [*datasets, *stems, "claims", "thresholds", "settling"]
    )
    sweeps = [_sweep(name, dataset, folder, costs) for name, dataset in datasets.items()]
    ledger = claims.read(folder / "claims.csv") if (folder / "claims.csv").exists() else []
    shown = pictures.pictures(figures, datasets, folder)
    every, main = tables.read(folder / "thresholds.csv"), _main()
    yield "study", settings["study"]
    yield "seed", settings.get("seed", 0)
    yield "version", next(iter(datasets.values())).attrs["lt2f_version"]
    yield "settings", origin.as_yaml(settings)
    yield "codes", origin.codes(datasets)
    yield "sweeps", sweeps
    yield "regimes", [code for code in Regime if any(code in each.outcomes for each in sweeps)]
    yield "colours", style.COLOURS
    yield "words", style.WORDS
    yield "costs", costs
    yield "titles", pictures.SUBJECTS
    yield "subjects", _by_subject(shown)
    yield "ledger", rooms.by_status(ledger)
    yield "by_subject", rooms.by_subject
    yield "statuses", rooms.STATUSES
    yield "agrees", Status.AGREES
    yield "claimed", len(ledger)
    yield "meaning", claims.MEANING
    yield "thresholds", [row for row in every if row["id"] in main]
    yield "threshold_count", len(every)
    yield "threshold_names", {row["id"]: row["name"] for row in every}
    yield "sides", trainings.sides(tables.read(folder / "settling.csv"))
    yield "learned", _learned(datasets)
    yield "lasting", _lasting(datasets)
    yield "asked", _asked()
    yield "advice", str(advise(**_EXAMPLE))


def _sweep(name: str, dataset: xr.Dataset, folder: Path, costs: Mapping[str, origin.Cost]) -> Sweep:
    kind = style.sweep_of(dataset).get("kind", "map")
    return Sweep(
        name=name,
        kind=_LABELS.get(kind, kind),
        spans=contents.spans(dataset),
        cells=contents.cells(dataset),
        megabytes=(folder / f"{name}.nc").stat().st_size / 1e6,
        cost=costs.get(name),
        content=dataset.attrs["content_sha256"],
        outcomes=contents.outcomes(dataset),
    )


def _by_subject(shown: list[pictures.Picture]) -> dict[str, list[pictures.Picture]]:
    return {
        subject: [picture for picture in shown if picture.subject == subject]
        for subject in pictures.SUBJECTS
    }


def _main() -> set[str]:
    """Name the thresholds that the page lists; thresholds.csv has all of them."""
    named = {row.id for row in thresholds.table(_DOUBLINGS)}
    opens = {row.id for row in thresholds.windows() if row.id.endswith("_opens")}
    return named | opens | _AS_WELL


def _learned(datasets: Mapping[str, xr.Dataset]) -> list[dict[str, Any]]:
    """List the sweeps of trained models: how many follow the map, and their errors by regime."""
    return [
        {
            "name": name,
            "forecast": contents.forecast(dataset),
            "columns": [words for key, words in trainings.ERRORS.items() if key in dataset],
            "rows": list(trainings.on_new_prompts(dataset)),
        }
        for name, dataset in datasets.items()
        if "map_regime" in dataset
    ]


def _lasting(datasets: Mapping[str, xr.Dataset]) -> list[dict[str, Any]]:
    """List the sweeps under noise that say how long runs last, and where half of them escape."""
    found = []
    for name, dataset in datasets.items():
        if trainings.lasting(dataset):
            level, rows = trainings.halves(dataset)
            found.append({"name": name, "level": level, "rows": rows})
    return found


def _asked() -> str:
    """Write the example of advice as a command."""
    words = [f"--{name.replace('_', '-')} {_value(value)}" for name, value in _EXAMPLE.items()]
    return " ".join(["lt2f advise", *words])


def _value(value: Any) -> str:
    return " ".join(map(str, value)) if isinstance(value, tuple) else str(value)


def symbols(text: str) -> str:
    """Write the ledger's plain words with the signs that a page has: μ, ², − and ≤."""
    for plain, sign in _SIGNS.items():
        text = re.sub(plain, sign, text)
    return text
