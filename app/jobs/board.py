"""What changes too fast for the database: how far each step has come, and the bell that wakes who waits."""

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass

_QUIET_S = 0.2  # seconds between two calls of listeners for progress alone


@dataclass(frozen=True, slots=True)
class Progress:
    """``done`` of ``total`` units of a stage; the stage began at ``began`` with ``first`` units done.

    Times are seconds of the monotonic clock.
    """

    stage: str
    done: int
    total: int
    first: int
    began: float
    at: float

    @property
    def rate(self) -> float | None:
        """Units a second in this stage; None before anything was measured."""
        passed, units = self.at - self.began, self.done - self.first
        return units / passed if passed > 0 and units > 0 else None


class Board:
    """Shared by workers, waiters and pages of one process. ``ring`` wakes all who wait; nobody polls."""

    def __init__(self, *, monotonic: Callable[[], float] = time.monotonic) -> None:
        self._monotonic = monotonic
        self._condition = threading.Condition()
        self._rings = 0
        self._progress: dict[str, Progress] = {}
        self._listeners: list[Callable[[], None]] = []
        self._told = 0.0
        self.closed = False  # the program is about to end: whoever listens should stop

    def show(self, job_id: str, stage: str, done: int, total: int) -> None:
        """A step of a job has come this far."""
        now = self._monotonic()
        with self._condition:
            last = self._progress.get(job_id)
            same = last is not None and last.stage == stage and done >= last.first
            first, began = (last.first, last.began) if last is not None and same else (done, now)
            self._progress[job_id] = Progress(stage, done, total, first, began, now)
            tell = now - self._told >= _QUIET_S
            if tell:
                self._told = now
        if tell:
            self._tell()

    def of(self, job_id: str) -> Progress | None:
        """How far the job's present step has come, while a worker is at it."""
        with self._condition:
            return self._progress.get(job_id)

    def clear(self, job_id: str) -> None:
        """The job's worker has let go of it."""
        with self._condition:
            self._progress.pop(job_id, None)

    @property
    def rings(self) -> int:
        """How often the bell has rung; read it before looking for work, then ``wait`` for the next."""
        return self._rings

    def ring(self) -> None:
        """Something changed: wake everyone."""
        with self._condition:
            self._rings += 1
            self._condition.notify_all()
        self._tell()

    def close(self) -> None:
        """Tell whoever listens that there will be nothing more to hear."""
        self.closed = True
        self.ring()

    def wait(self, seen: int, timeout_s: float | None = None) -> None:
        """Return when the bell has rung more than ``seen`` times, or the time is over."""
        with self._condition:
            self._condition.wait_for(lambda: self._rings != seen, timeout_s)

    def listen(self, listener: Callable[[], None]) -> Callable[[], None]:
        """Call ``listener`` at every ring and, now and then, on progress; call the result to end it."""
        with self._condition:
            self._listeners.append(listener)

        def end() -> None:
            with self._condition:
                self._listeners.remove(listener)

        return end

    def _tell(self) -> None:
        with self._condition:
            listeners = tuple(self._listeners)
        for listener in listeners:
            listener()
