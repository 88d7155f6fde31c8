"""Memory that this process and its children hold, as the kernel counts it (Linux's /proc)."""

import ctypes
import threading
from pathlib import Path
from types import TracebackType
from typing import ClassVar, Self

_PROC = Path("/proc")
_CLEAR = _PROC / "self" / "clear_refs"
_RESET_PEAK = "5"
"""proc(5): resets the peak resident set size (VmHWM)."""
LOOK_S = 0.02  # between two looks at children, which live for milliseconds


def resident_bytes(process: int | None = None) -> int | None:
    """Bytes resident now (VmRSS) of a process, by default this one; None where that cannot be read."""
    return _status("VmRSS", process)


def peak_bytes() -> int | None:
    """Most bytes that were resident (VmHWM) since ``reset_peak``; None where that cannot be read."""
    return _status("VmHWM")


def reset_peak() -> bool:
    """Whether the peak counts from now on; where not, it counts from the start of the process."""
    try:
        _CLEAR.write_text(_RESET_PEAK, encoding="ascii")
    except OSError:
        return False
    return True


def trim() -> None:
    """Have the C library give back what it keeps for later, or one's rest hides another's need."""
    give_back = getattr(ctypes.CDLL(None), "malloc_trim", None)  # glibc only
    if give_back is not None:
        give_back(0)


def allocated_bytes() -> int | None:
    """Bytes that this process has asked the C library for and not given back; None without glibc.

    What is resident beyond that is free space the C library keeps, code, and files mapped into memory.
    """
    tell = getattr(ctypes.CDLL(None), "mallinfo2", None)
    if tell is None:
        return None
    tell.restype = _MallInfo
    told = tell()
    return int(told.uordblks + told.hblkhd)


class _MallInfo(ctypes.Structure):
    """What ``mallinfo2`` gives: mallinfo(3)."""

    _fields_: ClassVar = [
        (name, ctypes.c_size_t)
        for name in (
            "arena", "ordblks", "smblks", "hblks", "hblkhd",
            "usmblks", "fsmblks", "uordblks", "fordblks", "keepcost",
        )
    ]  # fmt: skip


class ChildrenWatched:
    """Sees, while the block runs, how much all processes below this one hold together.

    ``most`` bytes: the largest sum of their resident sets in a look every ``LOOK_S``; what they share is
    counted in each.
    """

    def __init__(self) -> None:
        self.most = 0
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._look, name="children", daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stop.set()
        self._thread.join()

    def take(self) -> int:
        """The most since the last call of this."""
        most, self.most = self.most, 0
        return most

    def _look(self) -> None:
        while not self._stop.wait(LOOK_S):
            held = sum(resident_bytes(process) or 0 for process in _below(_PROC / "self"))
            self.most = max(self.most, held)


def _below(process: Path) -> list[int]:
    """The processes that this one has started, and those that they have."""
    found: list[int] = []
    try:
        for file in process.glob("task/*/children"):
            found += map(int, file.read_text(encoding="ascii").split())
    except OSError:
        pass  # it, or one of its threads, ended meanwhile
    return found + [each for child in found for each in _below(_PROC / str(child))]


def _status(name: str, process: int | None = None) -> int | None:
    file = _PROC / ("self" if process is None else str(process)) / "status"
    try:
        lines = file.read_text(encoding="ascii").splitlines()
    except OSError:
        return None
    return next((int(line.split()[1]) * 1024 for line in lines if line.startswith(name)), None)
