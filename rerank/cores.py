"""How many threads a forward pass should use on this machine."""

import os
from pathlib import Path

_TOPOLOGY = Path("/sys/devices/system/cpu")
_QUOTA = Path("/sys/fs/cgroup/cpu.max")


def physical_cores() -> int:
    """Cores this process may use, one with two hardware threads counted once, at most its container's quota.

    A second thread on a core adds no arithmetic units, and threads beyond a quota wait for each other.
    """
    try:
        allowed = os.sched_getaffinity(0)
    except AttributeError:  # not on macOS
        allowed = set(range(os.cpu_count() or 1))
    cores = {_siblings(cpu) for cpu in allowed}
    quota = _quota()
    return max(1, len(cores) if quota is None else min(len(cores), int(quota)))


def _siblings(cpu: int) -> str:
    """The hardware threads of the core that this one belongs to; itself where the system does not say."""
    try:
        return (_TOPOLOGY / f"cpu{cpu}/topology/thread_siblings_list").read_text().strip()
    except OSError:
        return str(cpu)


def _quota() -> float | None:
    """Cores' worth of time the control group grants (cgroup v2, ``cpu.max``), None without a limit."""
    try:
        quota, period = _QUOTA.read_text().split()
    except (OSError, ValueError):
        return None
    return None if quota == "max" else int(quota) / int(period)
