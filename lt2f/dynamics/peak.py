"""Fused multiply-adds in double precision and nothing else: the most that one core can do."""

from lt2f.dynamics.compiler import WIDE, fma, jit, widest_registers, workspace

# A multiply-add takes four or five cycles and two begin in each, so ten have to be under way:
# twelve registers of eight doubles, or of four.
CHAINS = 96 if WIDE else 48
TURN = 4  # in a row in each chain: a smaller loop would be unrolled before it is packed
ROUNDS = 500_000  # some milliseconds


@jit
def chains(rounds: int, factor: float, addend: float) -> float:
    """Do TURN * `rounds` multiply-adds in each of CHAINS chains that do not wait for one another.

    From x = 0, 1, ... each is x * factor + addend; the result is the sum of all the last ones.
    """
    widest_registers()
    values = workspace(1, CHAINS)
    for j in range(CHAINS):
        values[0, j] = float(j)
    for _ in range(rounds):
        for j in range(CHAINS):
            value = values[0, j]
            for _ in range(TURN):
                value = fma(value, factor, addend)
            values[0, j] = value
    total = 0.0
    for j in range(CHAINS):
        total += values[0, j]
    return total


def run() -> int:
    """Do some milliseconds' worth of multiply-adds; how many."""
    chains(ROUNDS, 0.999, 0.01)
    return ROUNDS * TURN * CHAINS
