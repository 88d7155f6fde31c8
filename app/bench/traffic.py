"""Callers in threads: so many that ask again at once, or arrivals that do not wait for answers."""

import math
import random
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field

from app.bench.machine import percentiles
from rerank.errors import RerankerOverloaded
from rerank.timed import RerankTimeout

_REST_S = 0.01
"""A refused caller of ``closed`` comes back after this."""

Send = Callable[[int], object]
"""Sends the request of this number. Raises ``RerankerOverloaded`` or ``RerankTimeout``."""


@dataclass(slots=True)
class Outcome:
    """What became of the requests, each timed from when it was due.

    ``seconds`` until the last one ended, ``core_s`` of processor time of this process meanwhile.
    """

    seconds: float = 0.0
    core_s: float = 0.0
    admitted_ms: list[float] = field(default_factory=list)
    refused_ms: list[float] = field(default_factory=list)
    expired: int = 0
    broken: list[Exception] = field(default_factory=list)

    @property
    def per_s(self) -> float:
        """Requests answered in a second."""
        return len(self.admitted_ms) / self.seconds

    @property
    def per_core_s(self) -> float:
        """Requests answered in a second of processor time, whatever else the machine does."""
        return len(self.admitted_ms) / self.core_s if self.core_s else 0.0

    def ended(self, began: float, used: float) -> "Outcome":
        """The outcome once all callers are back. Raises what else a request raised."""
        self.seconds, self.core_s = time.perf_counter() - began, time.process_time() - used
        if self.broken:
            raise self.broken[0]
        return self

    def add(self, other: "Outcome") -> None:
        """Count another round in."""
        self.seconds += other.seconds
        self.core_s += other.core_s
        self.admitted_ms += other.admitted_ms
        self.refused_ms += other.refused_ms
        self.expired += other.expired

    def figures(self) -> dict[str, object]:
        """For a result file."""
        return {
            "answered": len(self.admitted_ms),
            "answered_per_s": round(self.per_s, 3),
            "answered_per_core_s": round(self.per_core_s, 3),
            "answered_ms": _spread(self.admitted_ms),
            "refused": len(self.refused_ms),
            "refused_ms": _spread(self.refused_ms),
            "expired": self.expired,
        }

    def told(self) -> str:
        """For a person."""
        spread = _spread(self.admitted_ms) or {"p50": math.nan, "p95": math.nan}
        return (
            f"{self.per_s:.1f} answers/s, p50 {spread['p50']:.0f} ms, p95 {spread['p95']:.0f} ms; "
            f"{len(self.refused_ms)} refused, {self.expired} too late, {len(self.admitted_ms)} answered"
        )


def closed(send: Send, *, clients: int, seconds: float) -> Outcome:
    """``clients`` callers, each sending its next request when the last one is answered."""
    outcome, lock = Outcome(), threading.Lock()
    began, used = time.perf_counter(), time.process_time()

    def client(first: int) -> None:
        number = first
        while time.perf_counter() - began < seconds:
            if not _sent(send, number, time.perf_counter(), outcome, lock):
                time.sleep(_REST_S)
            number += clients

    threads = [threading.Thread(target=client, args=(i,)) for i in range(clients)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return outcome.ended(began, used)


def arriving(send: Send, *, per_s: float, seconds: float, seed: int = 0) -> Outcome:
    """Requests at random times (Poisson, the same for the same ``seed``), whatever became of those before."""
    source, due = random.Random(seed), 0.0  # noqa: S311  arrivals, not secrets
    outcome, lock = Outcome(), threading.Lock()
    threads: list[threading.Thread] = []
    began, used = time.perf_counter(), time.process_time()
    while (due := due + source.expovariate(per_s)) < seconds:
        time.sleep(max(0.0, began + due - time.perf_counter()))
        thread = threading.Thread(target=_sent, args=(send, len(threads), began + due, outcome, lock))
        thread.start()
        threads.append(thread)
    for thread in threads:
        thread.join()
    return outcome.ended(began, used)


def _sent(send: Send, number: int, due: float, outcome: Outcome, lock: threading.Lock) -> bool:
    """Send one request and keep what became of it; whether it was let in."""
    try:
        send(number)
    except RerankerOverloaded:
        with lock:
            outcome.refused_ms.append((time.perf_counter() - due) * 1000)
        return False
    except RerankTimeout:
        with lock:
            outcome.expired += 1
        return True
    except Exception as error:  # noqa: BLE001  a thread's boundary: the measuring one raises it
        with lock:
            outcome.broken.append(error)
        return True
    with lock:
        outcome.admitted_ms.append((time.perf_counter() - due) * 1000)
    return True


def _spread(values_ms: list[float]) -> dict[str, float] | None:
    return {**percentiles(values_ms), "max": round(max(values_ms), 3)} if values_ms else None
