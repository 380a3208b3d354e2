"""How work is shared out: chunks in batches, as large as the pace measured in this run allows.

The chunks of a sweep differ a hundredfold in cost, along mu above all. A few from all over the grid
come first and say what the rest will take; the others follow in the order of the dataset, which can
then be written meanwhile. Batches become smaller as work runs out, so that all workers end together
(guided self-scheduling), and what a worker gives back unfinished is handed out again.
"""

import threading
from collections import deque
from collections.abc import Iterator, Sequence

from lt2f.pipeline.plan import Chunk
from lt2f.pipeline.work import PATIENCE, Batch, Done

PROBES = 5 / 8, 3 / 8, 7 / 8, 1 / 8  # places in the order of chunks that are looked at first


class Portions(Iterator[Batch]):
    """Batches of chunks for a number of workers; threads may share it."""

    def __init__(self, chunks: Sequence[Chunk], workers: int) -> None:
        self.workers = max(workers, 1)
        self.cells, self.seconds = 0, 0.0  # done, and what they took
        probes = dict.fromkeys(int(place * len(chunks)) for place in PROBES)
        order = dict.fromkeys([*probes, *range(len(chunks))]) if chunks else {}
        self.cells_left = sum(chunk.cells for chunk in chunks)  # not handed out
        self._waiting = deque(chunks[k] for k in order)
        self._handed_out: dict[str, Chunk] = {}
        self._lock = threading.Lock()

    def __next__(self) -> Batch:
        """Hand out the next batch; none at the moment is StopIteration."""
        with self._lock:
            if not self._waiting:
                raise StopIteration
            taken, cells, room = list[Chunk](), 0, self._room()
            while self._waiting and (not taken or cells + self._waiting[0].cells <= room):
                taken.append(self._waiting.popleft())
                cells += taken[-1].cells
            self.cells_left -= cells
            self._handed_out |= {chunk.name: chunk for chunk in taken}
        label = f"{taken[0]}" + (f" and {len(taken) - 1} more" if taken[1:] else "")
        return Batch({chunk.name: chunk.axes for chunk in taken}, label)

    def count(self, done: Done) -> Done:
        """Take note of a batch, and take back what is left of it; the same."""
        with self._lock:
            back = [self._handed_out.pop(name) for name in (*done.names, *done.left)]
            back = back[len(done.names) :]
            self._waiting.extendleft(reversed(back))
            self.cells_left += sum(chunk.cells for chunk in back)
            self.cells += done.cells
            self.seconds += done.seconds
        return done

    @property
    def seconds_left(self) -> float:
        """Time that one process needs for them, at the pace so far; 0 before there is one."""
        return self.cells_left * self.seconds / self.cells if self.cells else 0.0

    def _room(self) -> float:
        """Cells of a batch: PATIENCE's worth, and no more than the pace was measured on."""
        paced = PATIENCE * self.cells / self.seconds if self.cells else 0.0
        return min(paced, self.cells, self.cells_left / (2 * self.workers))
