"""What was counted, written down once a minute in a thread of its own: no request waits for it."""

import logging
import threading
import time
from collections.abc import Callable, Iterable
from datetime import datetime

from app.errors import NotReady, TouchstoneError
from app.gate import Gate
from app.services import Services
from app.storage.monitoring import HOUR_S, MINUTE_S, MonitoringRows, Slice

MINUTES_KEPT_S = 24 * HOUR_S + HOUR_S  # a day, and the hour in which it began
HOURS_KEPT_S = 32 * 24 * HOUR_S  # a month, and a day in which it began
CLOSE_S = 2.0
log = logging.getLogger(__name__)


class Recorder:
    """Writes the difference of the counters since it last did so; one row a minute that was served.

    At most some 1,500 minutes and 770 hours are kept. What could not be written (a full or locked disk) is
    written the next time. A stop loses what was counted since the last full minute only where it is a kill.
    """

    def __init__(
        self,
        services: Services,
        gates: Iterable[Gate],
        *,
        now: Callable[[], datetime],
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self._services = services
        self._rows = MonitoringRows(services.database)
        self._gates = tuple(gates)
        self._now = now
        self._monotonic = monotonic
        self._ending = threading.Event()
        self._thread: threading.Thread | None = None
        self._peaks = {gate.name: 0 for gate in self._gates}
        self._counted = self._totals()
        self._began, self._at = self._unix(), monotonic()
        self._failed = False

    def start(self) -> None:
        """Begin to write."""
        self._thread = threading.Thread(target=self._run, name="monitoring", daemon=True)
        self._thread.start()

    def close(self) -> None:
        """Write what is left, and end. The database must still be open."""
        self._ending.set()
        if self._thread is not None:
            self._thread.join(CLOSE_S)
        self.write()

    def look(self) -> None:
        """See how many wait before each gate now."""
        for gate in self._gates:
            waiting = max(0, gate.inside - gate.concurrency)
            self._peaks[gate.name] = max(self._peaks[gate.name], waiting)

    def write(self) -> None:
        """Write down what was counted since the last time, and roll up what is old enough."""
        self.look()
        totals, at, now = self._totals(), self._monotonic(), self._unix()
        sums = {name: value - self._counted.get(name, 0) for name, value in totals.items()}
        peaks = {f"waiting/{name}": float(value) for name, value in self._peaks.items()}
        try:
            self._rows.add(Slice(self._began, at - self._at, sums, peaks))
            self._rows.roll_up(minutes_before=now - MINUTES_KEPT_S, hours_before=now - HOURS_KEPT_S)
        except TouchstoneError as error:
            if not self._failed:
                log.warning("the history of monitoring waits: %s", error)
            self._failed = True
            return
        self._failed = False
        self._counted, self._at, self._began = totals, at, now
        self._peaks = dict.fromkeys(self._peaks, 0)

    def _run(self) -> None:
        written = self._unix() // MINUTE_S
        while not self._ending.wait(1.0):
            self.look()
            if self._unix() // MINUTE_S == written:
                continue
            written = self._unix() // MINUTE_S
            try:
                self.write()
            except Exception:
                log.exception("the history of monitoring")

    def _totals(self) -> dict[str, float]:
        found = self._services.metrics.totals()
        found |= {f"refused/{gate.name}": float(gate.refused) for gate in self._gates}
        found["cpu_seconds"] = time.process_time()
        try:
            status = self._services.models.reranker.status()
        except NotReady:
            return found
        found["breaker/opens"] = float(status.breaker.opens)
        found["breaker/fallbacks"] = float(status.fallbacks)
        return found

    def _unix(self) -> int:
        return int(self._now().timestamp())
