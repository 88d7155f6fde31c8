"""The owner's end of the process that drives Ray."""

import contextlib
import importlib.util
import multiprocessing
import socket
import threading
from collections.abc import Generator, Sequence
from multiprocessing.connection import Connection
from pathlib import Path

from app.bulk.parcels import Parcel
from app.bulk.ray_data import Makers, Task, drive
from app.bulk.terms import Terms
from app.errors import BadRequest, TouchstoneError

PATIENCE_S = 20.0  # until a driver that has ended its work, or was told to, must be gone
CONNECT_S = 5.0
NEEDED = ("ray", "pyarrow", "pandas")  # modules of ray[data]


class RayMissing(TouchstoneError):
    """The optional extra is not installed."""

    code = "ray_missing"
    exit_code = 2


class RayFailed(TouchstoneError):
    """Ray could not be started or reached, or came to an end before the work did."""

    code = "ray"


def require_ray(address: str) -> None:
    """Raise ``RayMissing`` without the extra, ``BadRequest`` or ``RayFailed`` for an address of no use.

    Ray itself would try an address where nothing answers for many minutes, in silence.
    """
    missing = [name for name in NEEDED if importlib.util.find_spec(name) is None]
    if missing:
        raise RayMissing(
            f"--engine ray needs {', '.join(missing)}, not installed here; pip install 'touchstone-kb[ray]'"
        )
    if "://" in address:
        raise BadRequest(
            f"--ray-address {address!r} is one of Ray's clients; run the command on a machine of the cluster "
            "and give HOST:PORT, or auto"
        )
    if not address or address == "auto":
        return
    host, _, port = address.rpartition(":")
    if not host or not port.isdecimal():
        raise BadRequest(f"--ray-address {address!r} is no address of a Ray cluster; give HOST:PORT, or auto")
    try:
        socket.create_connection((host.strip("[]"), int(port)), timeout=CONNECT_S).close()
    except (OSError, OverflowError) as error:
        raise RayFailed(
            f"nothing answers at --ray-address {address} ({error}); start Ray there (`ray start --head`) or "
            "correct the address"
        ) from error


class RayDriver:
    """Has files made by Ray: on this machine, or by the cluster at ``address``. For one use."""

    def __init__(self, makers: Makers, *, blobs: Path, address: str, verbose: bool) -> None:
        """``blobs`` is the owner's folder of kept bytes. ``verbose`` lets Ray write to standard error."""
        self._makers = makers
        self._blobs = blobs
        self._address = address
        self._verbose = verbose
        self._guard = threading.Lock()
        self._process: multiprocessing.process.BaseProcess | None = None
        self._whole = False  # everything has come; the process only puts Ray away
        self._stopped = False

    def make(self, terms: Terms, parcels: Sequence[Parcel]) -> Generator[Parcel, None, None]:
        """Each parcel, filled or refused, as soon as it is made, in no order.

        Raises ``RayFailed``. Once ``stop`` was called it ends early without an error.
        """
        task = Task(terms, tuple(parcels), self._makers, self._blobs, self._address, self._verbose)
        started = self._start(task)
        if started is None:
            return
        process, pipe = started
        try:
            with contextlib.suppress(EOFError):  # the process has ended
                while (told := pipe.recv()) is not None:  # pickled by a process of ours
                    if isinstance(told, str):
                        raise RayFailed(told)
                    yield told
                self._whole = True
        finally:
            pipe.close()
            if not self._whole:
                process.terminate()
            process.join(PATIENCE_S)
            if process.is_alive():
                process.kill()  # Ray's reaper ends what it has started
                process.join()
        if not self._whole and not self._stopped:
            raise RayFailed(
                f"the process that drives Ray ended by itself (exit code {process.exitcode}); "
                "`touchstone --verbose ingest` shows what Ray says, and what was handed in is kept"
            )

    def stop(self) -> None:
        """End Ray's work now; again is no error."""
        with self._guard:
            self._stopped = True
            if self._process is not None and not self._whole and self._process.is_alive():
                self._process.terminate()

    def _start(self, task: Task) -> "tuple[multiprocessing.process.BaseProcess, Connection] | None":
        spawn = multiprocessing.get_context("spawn")
        with self._guard:
            if self._stopped:
                return None
            ours, theirs = spawn.Pipe(duplex=False)
            self._process = spawn.Process(target=drive, args=(task, theirs), name="ray-driver")
            self._process.start()
            theirs.close()
            return self._process, ours
