"""The noise that was asked about: what each step draws, and how many orders of draws to try."""

from dataclasses import dataclass
from typing import Any, Final, Literal, TypeAlias, get_args

from lt2f.advice import checks, pools
from lt2f.advice.checks import AdviceError
from lt2f.advice.pools import Pool, Sampling
from lt2f.dynamics.lanes import Law

Model: TypeAlias = Literal["multiplicative", "target", "prompts"]

MOST_REALIZATIONS: Final = 100_000
REALIZATIONS: Final = 256  # if unsaid; of large batches of prompts fewer, which take longer to draw
DRAWN: Final = 2**13  # prompts drawn in a step of all realizations, if their number is unsaid
FEWEST: Final = 32  # whatever that draws, up to
MOST_DRAWN: Final = 2**15


@dataclass(frozen=True, slots=True)
class AskedNoise:
    """What was said of noise, before it is checked."""

    model: str | None
    noise: float | None
    law: str | None
    pool: Any
    batch_size: int | None
    replacement: bool | None

    def check(self) -> tuple[Model, float, Law]:
        """Return the model, its standard deviation (0 for none and for prompts) and its law."""
        model = self._model()
        if self.law is not None:
            checks.one_of("law", self.law, get_args(Law))
            if self.noise is None:
                raise AdviceError("law", "needs noise, its standard deviation", self.law)
        law: Law = next((name for name in get_args(Law) if name == self.law), "two_point")
        return model, _deviation(self.noise), law

    def _model(self) -> Model:
        """Tell the model of noise, and refuse what belongs to another one."""
        if self.model is not None:
            checks.one_of("model", self.model, get_args(Model))
        batches = {name: getattr(self, name) for name in ("pool", "batch_size", "replacement")}
        asked = next((key for key, value in batches.items() if value is not None), None)
        if self.model != "prompts" and asked is None:
            if self.model is not None and self.noise is None:
                raise AdviceError("noise", "missing, model asks for a standard deviation")
            return "target" if self.model == "target" else "multiplicative"
        if self.model not in (None, "prompts"):
            raise AdviceError(str(asked), f"goes with the model prompts, not with {self.model}")
        if self.pool is None:
            raise AdviceError("pool", f"missing, {asked or 'the model prompts'} asks for one")
        for key in ("noise", "law"):
            if (value := getattr(self, key)) is not None:
                raise AdviceError(key, "does not go with a pool, whose noise is its own", value)
        return "prompts"

    def sampling(self, pool: Pool | None) -> Sampling | None:
        """Return how batches are drawn from a pool, if there is one."""
        if pool is None:
            return None
        again = True if self.replacement is None else self.replacement
        return pools.sampling(pool, self.batch_size, again)


def _deviation(noise: float | None) -> float:
    if noise is None or noise == 0:
        return 0.0
    return checks.number("noise", noise, checks.NOT_NEGATIVE, positive=True)


def realizations(asked: int | None, batch_size: int) -> int:
    """Return the number of realizations: as asked, or fewer the larger a batch is."""
    if asked is not None:
        checks.whole("realizations", asked, 1, MOST_REALIZATIONS)
        return asked
    return affordable(batch_size, DRAWN, REALIZATIONS)


def affordable(batch_size: int, drawn: int, most: int) -> int:
    """Return how many realizations draw `drawn` prompts in a step, but at least a few."""
    few = min(FEWEST, max(MOST_DRAWN // batch_size, 1))
    return min(max(drawn // batch_size, few), most)
