"""Every law of noise is whole, and other steps are told from the map."""

from typing import get_args

import numpy as np
import pytest

from lt2f import laws


def test_every_name_has_its_law():
    assert get_args(laws.Name) == tuple(laws.LAWS)


@pytest.mark.parametrize("name", laws.LAWS)
def test_draws_have_mean_zero_and_variance_one(name):
    count = 2**20
    words = np.arange(count, dtype=np.uint64) * np.uint64(2**44) + np.uint64(2**43)
    draws = laws.LAWS[name].numbers(words)
    # The midpoint rule of the inverse distribution function, which for the normal law is unbounded:
    # its tails beyond 1/count hold some 3e-5 of the variance.
    assert draws.mean() == pytest.approx(0.0, abs=1e-9)
    assert np.mean(draws**2) == pytest.approx(1.0, abs=1e-4)
    assert np.abs(draws).max() <= laws.LAWS[name].largest
    if np.isfinite(laws.LAWS[name].largest):
        assert np.abs(draws).max() == pytest.approx(laws.LAWS[name].largest, rel=2 / count)
