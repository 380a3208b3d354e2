"""Words on the page."""

import pytest

from lt2f.explore import cell, told
from lt2f.views import boundaries

AT = [
    {"mu": 2.5, "huber": 0.6},
    {"mu": 0.5},
    {"mu": 1.1},
    {"mu": 1.5},
    {"mu": 1.9, "imbalance": 4},
    {"mu": 0.9, "decay": 0.2},
]


def look(found, **at):
    view = found.home().at(**at)
    return view, cell.answer(found.task(view), view.point)


@pytest.mark.parametrize("at", AT)
def test_every_picture_has_words(maps, at):
    view, computed = look(maps["regimes"], **at)
    for name in ("loss", "residual", "portrait", "cobweb"):
        assert len(told.picture(name, computed)) > 20
    assert "nan" not in told.headline(view, computed)


def test_decay_is_told_where_there_is_some(maps):
    for kappa in (0.0, 0.2):
        view, computed = look(maps["regimes"], mu=0.9, decay=kappa)
        assert ("κ = 0.2" in told.headline(view, computed)) == (kappa > 0)
        assert ("above its least value" in told.picture("loss", computed)) == (kappa > 0)
        assert ("ellipse that bounds" in told.legend(view)) == (kappa == 0)
    collapsed = told.headline(*look(maps["regimes"], mu=0.1, decay=0.3))
    assert collapsed.startswith("Collapses to the origin, which attracts")


def test_every_boundary_that_is_drawn_is_in_the_key(maps):
    kinds = {"-": "solid", "--": "dashed", ":": "dotted", "-.": "dashdot"}
    there = [(name, {}) for name in ("regimes", "decayed", "noisy", "clipped")]
    there += [("regimes", {"decay": 0.1}), ("regimes", {"huber": 0.1})]
    for name, at in there:
        view = maps[name].home().at(**at)
        noise = {"model": view.step, "law": view.law}
        drawn = {kinds[one.dashes] for one in boundaries.under(noise)}
        listed = {kind for kind, _ in told.key(maps[name], view) if kind in kinds.values()}
        assert drawn <= listed
        assert listed - drawn <= {"dotted"}  # thresholds on mu
    for name in ("frayed", "capped"):
        plane = told.key(maps[name], maps[name].home())
        assert all(kind.startswith("#") for kind, _ in plane)


def test_of_another_loss_nothing_is_told_that_holds_for_the_squared_one(maps):
    view, computed = look(maps["clipped"], mu=0.9, huber=0.6)
    assert "1/δ = 0.6" in told.headline(view, computed)
    assert "above its least value" in told.picture("loss", computed)
    legend = told.legend(view)
    assert "another than e²/2, of strength 1/δ" in legend
    assert "dashed in the plane of the weights the minima" in legend
    assert "ellipse that bounds" not in legend
    words = [words for _, words in told.key(maps["clipped"], view)]
    assert "μ = 1: edge of stability" in words
    assert "δ = 2: beyond, no balanced start escapes" in words
    assert "collapsed" not in words  # where origins repel, none does
    decayed = maps["decayed"].home()
    assert "collapsed" in [words for _, words in told.key(maps["decayed"], decayed)]
