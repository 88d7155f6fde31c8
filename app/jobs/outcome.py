"""What becomes of a job that could not go on: it fails, waits for better times, or is tried again."""

import logging
import threading
from collections.abc import Callable

from app.errors import DiskFull, StorageBusy
from app.jobs.held import Held
from app.jobs.trouble import trouble
from app.storage.job_leases import LeaseLost
from app.storage.job_recovery import JobRecovery

LONGEST_WAIT_S = 60.0
AGAIN_S = 1.0  # before a job is tried again that met a bug
STORAGE_S = 2.0  # between two tries to write down what became of a job
log = logging.getLogger(__name__)


class Outcomes:
    """Judges the errors of one queue. Waits double while nothing of the queue goes well."""

    def __init__(self, *, recovery: JobRecovery, stopping: threading.Event, max_attempts: int) -> None:
        self._recovery = recovery
        self._stopping = stopping
        self._max_attempts = max_attempts
        self._waits = 0

    def went_well(self) -> None:
        """Something of the queue went well: whoever waits need not wait any longer."""
        if self._waits:
            self._waits = 0
            self._recovery.come_due(all_of_them=True)

    def gave_up(self, held: Held, error: Exception) -> None:
        """End the job, let it wait, or have it tried again, as its error demands."""
        if isinstance(error, LeaseLost):
            self._write(held.let_go)
            return
        what, job = trouble(error), held.job
        if what.kind == "file":
            self._write(lambda: held.fail(what.code, what.message))
        elif what.kind == "wait":
            self._waits += 1
            wait_s = min(2.0 ** min(self._waits, 6), LONGEST_WAIT_S)
            log.warning("job %s waits %g s: %s", job.id, wait_s, what.message)
            self._write(lambda: held.put_back(wait_s=wait_s, code=what.code, message=what.message))
            self._stopping.wait(1.0)  # the next job would meet the same
        else:
            log.error("job %s failed at %s", job.id, job.state, exc_info=error)
            if job.attempt >= self._max_attempts:
                self._write(lambda: held.fail(what.code, f"{job.name}: {what.message}"))
            else:
                self._write(
                    lambda: held.put_back(wait_s=AGAIN_S, code=what.code, message=what.message, counted=True)
                )

    def _write(self, down: Callable[[], None]) -> None:
        """Write down what became of a job, as soon as storage lets us."""
        while True:
            try:
                down()
            except LeaseLost:
                return
            except (DiskFull, StorageBusy) as error:
                log.warning("what became of a job cannot be written down yet: %s", error)
                if self._stopping.wait(STORAGE_S):
                    return
            else:
                return
