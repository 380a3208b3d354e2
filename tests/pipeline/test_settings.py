"""Settings: what is accepted, what is refused and in which words, and what identifies the data."""

import json
import pickle
from copy import deepcopy
from pathlib import Path

import jsonschema
import numpy as np
import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from lt2f.pipeline.settings import (
    MAX_CELLS,
    RECORDABLE,
    SettingsError,
    Sweep,
    load,
    parse,
    schema,
)

STUDY = """\
study: example
seed: 20260520
executor: {kind: local}
sweeps:
  regimes:
    kind: map
    axes:
      mu: {start: 0.002, step: 0.002, num: 1100}
      imbalance: {values: [0.0, 0.5, 1.0, 2.0]}
    fixed: {product: 0.1}
    noise: {model: none}
    iterations: {transient: 4000, measure: 4000, max_period: 64}
    record: [regime, period, lyapunov]
    shortcuts: true
  orbits:
    kind: orbit
    axes: {mu: {start: 0.2, stop: 2.0, num: 10}}
    fixed: {a: 0.5, b: 0.25}
    iterations: {transient: 1000, samples: 200}
  runs:
    kind: trajectory
    axes: {realization: {num: 5}}
    fixed: {mu: 0.5, imbalance: 0.1, product: 0.1, noise: 0.2}
    noise: {model: multiplicative}
    iterations: {steps: 100}
figures:
  style: {format: [svg], dpi: 300}
"""
DROP = object()
OVER_MU = [("axes", {"mu": {"values": [1]}}), ("fixed/mu", DROP)]  # instead of realizations


def study(*changes):
    """The mapping of `STUDY` with values changed, or dropped, at dotted keys."""
    mapping = yaml.safe_load(STUDY)
    for key, value in changes:
        *path, last = key.split("/")
        place = mapping
        for part in path:
            place = place.setdefault(part, {})
        if value is DROP:
            del place[last]
        else:
            place[last] = deepcopy(value)
    return mapping


def sweep(*changes, name="regimes") -> Sweep:
    """One sweep of `study`, changed at keys below it."""
    return parse(study(*((f"sweeps/{name}/{key}", value) for key, value in changes))).sweeps[name]


def complaint(mapping):
    """The line with which a mapping is refused."""
    with pytest.raises(SettingsError) as caught:
        parse(mapping)
    line = str(caught.value)
    assert len(line.splitlines()) == 1
    return line


# --- accepted


def test_the_example_is_read_as_it_is_written():
    settings = parse(study())
    assert (settings.study, settings.seed) == ("example", 20260520)
    assert (settings.executor.kind, settings.executor.workers) == ("local", None)
    assert settings.chunks is None
    assert settings.figures.style.format == ("svg",)
    regimes, orbits, runs = settings.sweeps.values()
    assert [regimes.kind, orbits.kind, runs.kind] == ["map", "orbit", "trajectory"]
    assert regimes.iterations.model_dump() == {
        "transient": 4000,
        "measure": 4000,
        "max_period": 64,
    }
    assert runs.noise.law == "two_point"
    assert regimes.cells == 4400


def test_little_need_be_said():
    settings = parse(
        {
            "study": "s",
            "sweeps": {
                "m": {
                    "axes": {"mu": {"values": [1]}},
                    "fixed": {"a": 1, "b": 1},
                    "iterations": {"transient": 0, "measure": 32},
                }
            },
        }
    )
    only = settings.sweeps["m"]
    assert (only.kind, only.record, only.iterations.max_period) == ("map", RECORDABLE, 64)
    assert (only.noise.model, only.shortcuts, only.tile) == ("none", True, {})


@pytest.mark.parametrize("kind", [str, Path])
def test_chunks_is_a_path(kind):
    assert parse(study(("chunks", kind("scratch/lt2f")))).chunks == Path("scratch/lt2f")


def test_coordinates_are_in_order_and_realizations_are_integers():
    coordinates = sweep().coordinates()
    assert list(coordinates) == ["mu", "imbalance"]
    assert {array.dtype for array in coordinates.values()} == {np.dtype("float64")}
    (realization,) = sweep(name="runs").coordinates().values()
    assert realization.dtype == np.int64
    assert realization.tolist() == [0, 1, 2, 3, 4]
    listed = sweep(("axes/realization", {"values": [0, 7]}), name="runs")
    assert listed.coordinates()["realization"].tolist() == [0, 7]


def test_realization_is_0_if_unsaid_and_only_where_there_is_noise():
    assert sweep().scalars() == {"product": 0.1}
    assert "realization" not in sweep(name="runs").scalars()
    start = {"imbalance": 0.1, "product": 0.1, "noise": 0.2}
    assert sweep(*OVER_MU, name="runs").scalars() == {**start, "realization": 0}
    said = sweep(*OVER_MU, ("fixed/realization", 3), name="runs")
    assert said.scalars() == {**start, "realization": 3}


def test_a_perturbation_is_stored_only_where_it_is_said():
    start = {"a": 0.5, "b": 0.25}
    assert set(sweep(name="orbits").scalars()) == set(start)
    assert sweep(("fixed/perturbation", 0), name="orbits").scalars()["perturbation"] == 0
    displaced = sweep(("axes/perturbation", {"values": [-1e-12, 0, 1e-12]}), name="orbits")
    assert list(displaced.coordinates()) == ["mu", "perturbation"]
    assert displaced.coordinates()["perturbation"].tolist() == [-1e-12, 0, 1e-12]


def test_regime_and_decided_by_are_always_recorded():
    assert sweep(("record", ["period"])).record == ("regime", "decided_by", "period")
    assert sweep(("record", [])).record == ("regime", "decided_by")


@pytest.mark.parametrize("name", ["a", "2026-05-20", "A_b-c.d", "_x", "-"])
def test_names(name):
    mapping = study(("study", name))
    mapping["sweeps"] = {name: mapping["sweeps"]["regimes"]}
    assert list(parse(mapping).sweeps) == [name]


@pytest.mark.parametrize(
    ("key", "value", "least", "most"),
    [
        ("seed", 0, 0, 2**64 - 1),
        ("executor/workers", 1, 1, None),
        ("sweeps/regimes/iterations/max_period", 1, 1, 1024),
        ("sweeps/regimes/iterations/transient", 0, 0, 10**12),
        ("sweeps/regimes/iterations/measure", 32, 32, 10**12),
        ("sweeps/orbits/iterations/samples", 1, 1, 10**12),
        ("sweeps/runs/iterations/steps", 1, 1, 10**12),
        ("sweeps/runs/axes/realization/num", 1, 1, 10**7),
        ("sweeps/regimes/tile/mu", 1, 1, None),
        ("figures/style/dpi", 50, 50, 1200),
    ],
)
def test_integers_reach_their_bounds_and_stop_there(key, value, least, most):
    dotted = key.replace("/", ".")
    parse(study((key, least)))
    parse(study((key, float(least))))  # 1e3 is a float in YAML
    line = complaint(study((key, least - 1)))
    assert line == f"{dotted} = {least - 1}: should be greater than or equal to {least}"
    assert f"{dotted} = {least}.5: should be a valid integer" in complaint(
        study((key, least + 0.5))
    )
    assert f"{dotted} = True: should be a valid integer" in complaint(study((key, True)))
    if most is not None:
        parse(study((key, most)))
        assert f"{dotted} = {most + 1}: should be less than" in complaint(study((key, most + 1)))


# --- refused

R, Q, T = "sweeps.regimes", "sweeps.orbits", "sweeps.runs"
NAMES = "letters, digits, '-', '_' and, but not first, '.'"
NUM = {"num": 3}
INF, NAN = float("inf"), float("nan")


@pytest.mark.parametrize(
    ("key", "value", "line"),
    [
        # names and unknown keys
        ("study", "../up", f"study = '../up': may hold {NAMES}"),
        ("study", "a/b", f"study = 'a/b': may hold {NAMES}"),
        ("study", ".hidden", f"study = '.hidden': may hold {NAMES}"),
        ("study", "line\n", f"study = 'line\\n': may hold {NAMES}"),
        ("study", "", f"study = '': may hold {NAMES}"),
        ("study", 5, "study = 5: should be a valid string"),
        ("study", DROP, "study: missing"),
        ("sweeps/.x", NUM, f"sweeps..x: may hold {NAMES}"),
        ("sweeps", {}, "sweeps = {}: should have at least 1 entry"),
        ("sweeps", None, "sweeps = None: should be a mapping"),
        ("sweeps/regimes", 3, f"{R} = 3: should be a mapping"),
        ("seeds", 1, "seeds = 1: unknown key, known are study, seed, executor, chunks"),
        ("seeds", 1, "did you mean 'seed'?"),
        ("seed", "5", "seed = '5': should be a valid integer"),
        ("chunks", 3, "chunks = 3: should be a path"),
        ("executor", "local", "executor = 'local': should be a mapping"),
        (
            "executor/kind",
            "lokal",
            "executor.kind = 'lokal': should be one of 'local', 'scheduler', 'sl",
        ),
        ("executor/wokers", 2, "executor.wokers = 2: unknown key, known are kind, workers; did"),
        ("figures/stile", {}, "figures.stile = {}: unknown key, known are style; did you mean"),
        ("figures/style/format", ["pgn"], "figures.style.format[0] = 'pgn': should be 'png', 'pd"),
        ("figures/style/format", [], "figures.style.format = []: should have at least 1 entry"),
        # kinds
        ("sweeps/regimes/kind", "mapp", f"{R}.kind = 'mapp': should be one of 'map', 'orbit'"),
        ("sweeps/regimes/kind", "mapp", "did you mean 'map'?"),
        ("sweeps/regimes/kind", None, f"{R}.kind = None: should be one of"),
        ("sweeps/regimes/axs", {}, f"{R}.axs = {{}}: unknown key, known are axes, fixed"),
        ("sweeps/orbits/iterations/measure", 99, f"{Q}.iterations.measure = 99: unknown key, kno"),
        ("sweeps/regimes/iterations/sampels", 9, f"{R}.iterations.sampels = 9: unknown key, know"),
        ("sweeps/runs/iterations/step", 9, f"{T}.iterations.step = 9: unknown key, known are ste"),
        ("sweeps/orbits/record", ["period"], f"{Q}.record[0] = 'period': should be 'residual' or"),
        ("sweeps/regimes/iterations", DROP, f"{R}.iterations: missing"),
        ("sweeps/regimes/iterations/measure", DROP, f"{R}.iterations.measure: missing"),
        ("sweeps/regimes/record", ["perod"], f"{R}.record[0] = 'perod': should be 'regime', 'de"),
        ("sweeps/regimes/record", ["perod"], "did you mean 'period'?"),
        ("sweeps/regimes/record", "period", f"{R}.record = 'period': should be a list"),
        ("sweeps/regimes/shortcuts", "no", f"{R}.shortcuts = 'no': should be a valid boolean"),
        # forms of an axis
        ("sweeps/regimes/axes", {}, f"{R}.axes = {{}}: should have at least 1 entry"),
        ("sweeps/regimes/axes", [], f"{R}.axes = []: should be a mapping"),
        ("sweeps/regimes/axes/mu", 1, f"{R}.axes.mu = 1: should be {{start, step, num}}, {{start"),
        ("sweeps/regimes/axes/mu", NUM, f"{R}.axes.mu = {NUM}: should be {{start, step, num}}"),
        ("sweeps/regimes/axes/mu", {}, f"{R}.axes.mu.start: missing, it has no default (and 2 m"),
        ("sweeps/regimes/axes/mu/nun", 3, f"{R}.axes.mu.nun = 3: unknown key, known are start, s"),
        ("sweeps/regimes/axes/mu/nun", 3, "did you mean 'num'?"),
        ("sweeps/regimes/axes/mu/stop", 3, f"{R}.axes.mu.step = 0.002: unknown key, known are"),
        ("sweeps/regimes/axes/mu/num", 10**8, f"{R}.axes.mu.num = 100000000: should be less than"),
        ("sweeps/regimes/axes/mu/step", 0, f"{R}.axes.mu.step = 0: should be greater than 0"),
        ("sweeps/regimes/axes/mu/step", -0.1, f"{R}.axes.mu.step = -0.1: should be greater than"),
        ("sweeps/regimes/axes/mu/step", "1e-3", f"{R}.axes.mu.step = '1e-3': should be a valid n"),
        ("sweeps/orbits/axes/mu/stop", 0.2, f"{Q}.axes.mu.stop = 0.2: should be greater than sta"),
        ("sweeps/orbits/axes/mu/stop", 0.1, f"{Q}.axes.mu.stop = 0.1: should be greater than sta"),
        # not a number, nor the range of doubles
        ("sweeps/regimes/axes/mu/start", NAN, f"{R}.axes.mu.start = nan: should be a finite num"),
        ("sweeps/regimes/axes/mu/step", INF, f"{R}.axes.mu.step = inf: should be a finite number"),
        ("sweeps/orbits/axes/mu/stop", INF, f"{Q}.axes.mu.stop = inf: should be a finite number"),
        ("sweeps/regimes/fixed/product", -INF, f"{R}.fixed.product = -inf: should be a finite nu"),
        ("sweeps/regimes/axes/imbalance/values", [0, NAN], "imbalance.values[1] = nan: should be"),
        ("sweeps/regimes/axes/mu/start", 10**400, f"{R}.axes.mu.start = 1000"),
        ("sweeps/regimes/axes/mu/step", 1e308, "'step': 1e+308}: leaves the range of double prec"),
        ("sweeps/orbits/axes/mu", {"start": -1e308, "stop": 1e308, "num": 2}, "leaves the range"),
        # strictly increasing
        ("sweeps/regimes/axes/mu/step", 1e-30, "strictly in double precision, but value 1 is 0.0"),
        ("sweeps/orbits/axes/mu", {"start": 1.0, "stop": 1 + 2**-52, "num": 3}, "strictly"),
        ("sweeps/regimes/axes/imbalance/values", [], f"{R}.axes.imbalance.values = []: should"),
        ("sweeps/regimes/axes/imbalance/values", [1, 1], f"{R}.axes.imbalance = {{'values': [1,"),
        ("sweeps/regimes/axes/imbalance/values", [0, 2, 1], "strictly in double precision, but v"),
        ("sweeps/regimes/axes/imbalance/values", [-0.0, 0.0], "value 1 is 0.0 after 0.0"),
        # coordinates: known, complete, once
        ("sweeps/regimes/axes/muu", NUM, f"{R}.axes.muu: should be 'mu', 'imbalance', 'product'"),
        ("sweeps/regimes/axes/muu", NUM, "did you mean 'mu'?"),
        ("sweeps/regimes/fixed/produkt", 1, f"{R}.fixed.produkt: should be 'mu', 'imbalance'"),
        ("sweeps/regimes/fixed/produkt", 1, "did you mean 'product'?"),
        ("sweeps/regimes/fixed/mu", 0.5, f"{R}.fixed.mu = 0.5: is an axis too, give it once"),
        ("sweeps/regimes/axes/mu", DROP, f"{R}.axes.mu: missing, every sweep needs mu"),
        ("sweeps/regimes/fixed", DROP, f"{R}.axes.product: missing, every sweep needs mu, and i"),
        ("sweeps/regimes/axes/imbalance", DROP, f"{R}.axes.imbalance: missing, every sweep need"),
        ("sweeps/orbits/fixed/b", DROP, f"{Q}.axes.b: missing, every sweep needs mu, and imbalan"),
        ("sweeps/orbits/fixed/a", DROP, f"{Q}.axes.a: missing, every sweep needs mu, and imbalan"),
        ("sweeps/regimes/fixed/b", 1.5, f"{R}.fixed.b = 1.5: start from imbalance and product or"),
        ("sweeps/orbits/axes/product", {"values": [1]}, f"{Q}.fixed.a = 0.5: start from imbalance"),
        ("sweeps/regimes/fixed/perturbation", 0.1, f"{R}.fixed.perturbation = 0.1: is added to b"),
        ("sweeps/regimes/axes/perturbation", NUM, "start from a and b, not from imbalance and pro"),
        # noise
        ("sweeps/regimes/noise", "none", f"{R}.noise = 'none': should be a mapping"),
        ("sweeps/runs/noise/model", "targt", f"{T}.noise.model = 'targt': should be one of 'none'"),
        ("sweeps/runs/noise/model", "targt", "did you mean 'target'?"),
        ("sweeps/runs/noise", {"law": "normal"}, f"{T}.noise.model: missing"),
        ("sweeps/runs/noise/law", "gauss", f"{T}.noise.law = 'gauss': should be 'two_point', 'un"),
        ("sweeps/regimes/noise/law", "normal", f"{R}.noise.law = 'normal': unknown key, known ar"),
        ("sweeps/runs/noise", DROP, f"{T}.fixed.noise = 0.2: needs noise.model to be multiplica"),
        ("sweeps/regimes/axes/noise", {"values": [0]}, "needs noise.model to be multiplicative"),
        ("sweeps/regimes/axes/realization", NUM, f"{R}.axes.realization = {NUM}: needs noise.mo"),
        ("sweeps/regimes/fixed/realization", 0, f"{R}.fixed.realization = 0: needs noise.model"),
        ("sweeps/runs/fixed/noise", DROP, f"{T}.axes.noise: missing, noise.model multiplicative"),
        ("sweeps/runs/fixed/realization", 0, f"{T}.fixed.realization = 0: is an axis too"),
        ("sweeps/orbits/record", [], f"{Q}.record = []: should have at least 1 entry"),
        # values with a meaning
        ("sweeps/runs/fixed/mu", -0.5, f"{T}.fixed.mu = -0.5: should be greater than or equal to"),
        ("sweeps/regimes/axes/mu/start", -1, "'start': -1, 'step': 0.002}: should be greater tha"),
        ("sweeps/runs/fixed/noise", -0.1, f"{T}.fixed.noise = -0.1: should be greater than or eq"),
        ("sweeps/runs/axes/realization", {"values": [-1, 0]}, f"{T}.axes.realization = {{'value"),
        ("sweeps/runs/axes/realization", {"values": [0, 0.5]}, "should be integers up to 2**53"),
        ("sweeps/runs/axes/realization", {"values": [2**60]}, "should be integers up to 2**53"),
        ("sweeps/regimes/tile/product", 4, f"{R}.tile.product = 4: should be an axis of this swe"),
        ("sweeps/regimes/tile/muu", 4, f"{R}.tile.muu: should be 'mu', 'imbalance', 'product'"),
    ],
)
def test_refusals_name_the_key_the_value_and_what_is_allowed(key, value, line):
    assert line in complaint(study((key, value)))


def test_noise_of_each_factor_is_for_orbits_and_trajectories():
    noise = {"model": "factors", "law": "normal"}
    assert sweep(("noise", noise), name="runs").noise.model == "factors"
    assert sweep(("noise", noise), ("fixed/noise", 0.1), name="orbits").noise.model == "factors"
    line = complaint(study(("sweeps/regimes/noise", noise), ("sweeps/regimes/fixed/noise", 0.1)))
    assert f"{R}.noise" in line
    assert "'factors': has no labels for a map" in line
    assert "the kind orbit or trajectory" in line


def test_a_sweep_has_a_largest_size():
    rows = {"start": 0, "step": 1, "num": 10**6}
    most = ("sweeps/regimes/axes", {"mu": rows, "imbalance": {**rows}})
    assert parse(study(most)).sweeps["regimes"].cells == MAX_CELLS
    line = complaint(study(most, ("sweeps/regimes/axes/mu/num", 10**6 + 1)))
    assert line.startswith(f"{R}.axes = ")
    assert line.endswith(f"should make at most {MAX_CELLS} cells, not 1000001 x 1000000")


def test_only_the_first_of_several_errors_is_told():
    line = complaint(study(("seed", -1), ("study", "a/b"), ("sweeps/orbits/fixed/a", NAN)))
    assert line.startswith("study = 'a/b'")
    assert line.endswith(" (and 2 more)")


def test_the_key_is_right_under_names_that_look_like_branches():
    twins = study(("sweeps/map", study()["sweeps"]["regimes"]), ("sweeps/map/axes/mu/num", 0))
    assert complaint(twins).startswith("sweeps.map.axes.mu.num = 0: should be greater")


def places(node, path=()):
    """Every path into nested mappings and lists."""
    items = node.items() if isinstance(node, dict) else enumerate(node)
    for key, value in items:
        yield (*path, key)
        if isinstance(value, dict | list):
            yield from places(value, (*path, key))


words = st.sampled_from(["map", "mu", "none", "Stepped", "values", "num", "kind", "{x}", "a\n"])
scalars = st.none() | st.booleans() | st.integers() | st.floats() | st.dates() | words
junk = st.recursive(
    scalars,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(scalars, inner, max_size=3),
    max_leaves=5,
)


@given(st.sampled_from(list(places(study()))), st.none() | scalars, junk)
def test_junk_is_refused_in_one_line_or_is_settings(path, key, value):
    mapping = study()
    *parents, last = path
    place = mapping
    for part in parents:
        place = place[part]
    place[last if key is None or isinstance(place, list) else key] = value
    try:
        outcome = parse(mapping)
    except SettingsError as error:
        outcome = str(error)
    if isinstance(outcome, str):
        assert len(outcome.splitlines()) == 1
    else:
        assert all(
            found.coordinates().keys() == found.axes.keys() for found in outcome.sweeps.values()
        )


@pytest.mark.parametrize("settings", [None, [1], "study", 3])
def test_settings_are_a_mapping(settings):
    assert "should be a mapping of settings, not " in complaint(settings)


def test_settings_are_frozen_and_travel():
    settings = parse(study())
    with pytest.raises(ValidationError, match="frozen"):
        settings.seed = 3
    assert pickle.loads(pickle.dumps(settings)) == settings


# --- files


@pytest.fixture
def written(tmp_path):
    def write(text):
        path = tmp_path / "study.yaml"
        path.write_text(text, encoding="utf-8")
        return path

    return write


def test_load_reads_what_parse_reads(written):
    assert load(written(STUDY)) == load(str(written(STUDY))) == parse(study())


@pytest.mark.parametrize("text", ["1e5", "1E5", "1e+5", "1.0e5", "+100e3", ".1e6", "100000."])
def test_floats_are_those_of_yaml_1_2(written, text):
    found = load(written(STUDY.replace("product: 0.1}", f"product: {text}}}")))
    assert found.sweeps["regimes"].fixed["product"] == 100000.0


def test_dates_and_exponent_like_words_stay_words(written):
    assert load(written(STUDY.replace("study: example", "study: 2026-05-20"))).study == "2026-05-20"
    assert load(written(STUDY.replace("study: example", "study: e5"))).study == "e5"


def test_merged_mappings_may_repeat_a_key(written):
    text = STUDY.replace("fixed: {product: 0.1}", "fixed: &p {product: 0.1}").replace(
        "fixed: {mu: 0.5, imbalance: 0.1, product: 0.1,",
        "fixed: {<<: *p, mu: 0.5, imbalance: 0.1, product: 0.7,",
    )
    assert load(written(text)).sweeps["runs"].fixed["product"] == 0.7


@pytest.mark.parametrize(
    ("text", "line"),
    [
        (STUDY + "seed: 3\n", f"line {STUDY.count(chr(10)) + 1}: key 'seed' is there twice"),
        (STUDY.replace("seed:", "'study': x\nseed:"), "line 2: key 'study' is there twice"),
        (
            STUDY.replace("fixed: {", "fixed: {product: 1, "),
            "line 10: key 'product' is there twice",
        ),
        ("study: !!python/object:os.system {}\n", "line 1: could not determine a constructor"),
        ("study: !!python/name:os.system ''\n", "line 1: could not determine a constructor"),
        ("study: !!timestamp 2026-05-20\n", "line 1: could not determine a constructor"),
        ("study: !!set {a, b}\n", "line 1: could not determine a constructor"),
        ("seed: !!int word\n", "is not YAML: "),
        ("seed: !!bool word\n", "is not YAML: "),
        ("study: [1\n", "line 2: expected"),
        ("a: 1\n---\nb: 2\n", "line 2: but found another document"),
        ("study: \x00\n", "is not YAML: "),
        ("[1]: 2\n", "line 1: "),
        ("- 1\n", "should be a mapping of settings, not list"),
        ("", "should be a mapping of settings, not NoneType"),
        (STUDY.replace("seed: 20260520", "seed: -1"), "seed = -1: should be greater than or"),
    ],
)
def test_a_refused_file_is_named_first(written, text, line):
    path = written(text)
    with pytest.raises(SettingsError) as caught:
        load(path)
    assert str(caught.value).startswith(f"{path}: {line}")
    assert len(str(caught.value).splitlines()) == 1


def test_files_that_cannot_be_read(tmp_path):
    with pytest.raises(SettingsError, match=r"none\.yaml: cannot be read: No such file"):
        load(tmp_path / "none.yaml")
    with pytest.raises(SettingsError, match="cannot be read: Is a directory"):
        load(tmp_path)
    (tmp_path / "latin").write_bytes("study: \u00e9".encode("latin-1"))
    with pytest.raises(SettingsError, match="latin: is not YAML: 'utf-8' codec"):
        load(tmp_path / "latin")


# --- identity


@pytest.mark.parametrize(
    "changes",
    [
        [("axes/mu", {"values": [float(f"{2 * i + 2}e-3") for i in range(1100)]})],
        [("axes/imbalance/values", [-0.0, 0.5, 1, 2])],
        [("noise", DROP), ("shortcuts", DROP), ("kind", DROP), ("iterations/max_period", DROP)],
        [("record", ["lyapunov", "decided_by", "period", "period"])],
        [("iterations/transient", 4e3)],
        [("tile", {"mu": 64})],
    ],
)
def test_spellings_of_the_same_data_have_one_identity(changes):
    assert sweep(*changes).identity() == sweep().identity()


@pytest.mark.parametrize(
    "change",
    [
        ("axes/mu/num", 1101),
        ("axes/mu/start", 0.004),
        ("axes", dict(reversed(yaml.safe_load(STUDY)["sweeps"]["regimes"]["axes"].items()))),
        ("fixed/product", 0.1 + 2**-56),
        ("iterations/measure", 4001),
        ("iterations/max_period", 65),
        ("record", ["period"]),
        ("shortcuts", False),
    ],
)
def test_what_changes_the_data_changes_the_identity(change):
    assert json.dumps(sweep(change).identity()) != json.dumps(sweep().identity())


@pytest.mark.parametrize("change", [("noise/law", "normal"), ("noise/model", "target")])
def test_noise_is_part_of_the_identity(change):
    assert sweep(change, name="runs").identity() != sweep(name="runs").identity()


def test_the_identity_lists_what_is_recorded_by_name():
    recorded = sweep(("record", ["period"])).identity()["record"]
    assert recorded == ["decided_by", "period", "regime"]


def test_an_orbit_of_the_residual_alone_has_the_identity_it_always_had():
    plain = sweep(name="orbits")
    assert plain.record == ("residual",)
    assert "record" not in plain.identity()
    assert sweep(("record", ["residual"]), name="orbits").identity() == plain.identity()
    both = [
        sweep(("record", names), name="orbits")
        for names in (["imbalance"], ["imbalance", "residual"])
    ]
    assert both[0].record == both[1].record == ("residual", "imbalance")
    assert both[0].identity()["record"] == ["imbalance", "residual"]


def test_an_unsaid_realization_has_the_identity_of_0():
    said = sweep(*OVER_MU, ("fixed/realization", 0), name="runs")
    assert sweep(*OVER_MU, name="runs").identity() == said.identity()


# --- schema


def test_the_committed_schema_is_the_one_of_the_types():
    committed = Path(__file__).parents[2] / "config" / "schema.json"
    text = json.dumps(schema(), indent=2, ensure_ascii=False) + "\n"
    assert committed.read_text(encoding="utf-8") == text, "write schema() to config/schema.json"


def test_every_key_says_what_it_means():
    """In its own words, or by a type that has some."""
    types = {"Settings": schema(), **schema()["$defs"]}
    bare = {
        f"{name}.{key}"
        for name, model in types.items()
        for key, field in model.get("properties", {}).items()
        if not field.keys() & {"description", "const", "$ref"}
        and not any("$ref" in one for one in field.get("anyOf", ()))
    }
    assert bare == set()


def test_the_schema_accepts_the_example_and_refuses_what_is_wrong():
    jsonschema.Draft202012Validator.check_schema(schema())
    validator = jsonschema.Draft202012Validator(schema())
    assert validator.is_valid(study())
    assert validator.is_valid(study(("sweeps/regimes/kind", DROP)))
    for key, value in [
        ("seed", -1),
        ("study", "a/b"),
        ("seeds", 1),
        ("sweeps/regimes/axes/mu/num", 0),
        ("sweeps/regimes/axes/muu", NUM),
        ("sweeps/orbits/iterations/measure", 99),
        ("sweeps/runs/noise/model", "targt"),
    ]:
        assert not validator.is_valid(study((key, value))), key
