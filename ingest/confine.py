"""Takes from a parser process what reading a file does not need, by what the kernel offers to everyone.

Landlock (Linux 5.13, ``linux/landlock.h``): no file can be opened but the interpreter's and ours. seccomp
(``syscalls``): no socket, no new process, no signal to another one, no file for writing, no new limits.
Both work without privileges, and in containers that forbid namespaces. Where the kernel lacks one of them
the process runs without it, and ``probe`` tells.
"""

import contextlib
import ctypes
import os
import platform
import struct
import sys
from collections.abc import Sequence
from pathlib import Path

from ingest.syscalls import SECCOMP, filter_for

_PR_SET_PDEATHSIG, _PR_SET_NO_NEW_PRIVS = 1, 38
_SECCOMP_SET_MODE_FILTER = 1
_SECCOMP_FILTER_FLAG_SPEC_ALLOW = 4  # no costly mitigation: it holds nobody else's secrets
_LANDLOCK_CREATE_RULESET, _LANDLOCK_ADD_RULE, _LANDLOCK_RESTRICT_SELF = 444, 445, 446  # on all machines
_LANDLOCK_VERSION = 1  # flag: give back the version
_LANDLOCK_PATH_BENEATH = 1
_READ_FILE, _READ_DIR = 1 << 2, 1 << 3
_FILE_RIGHTS = {1: 13, 2: 14, 3: 15, 4: 15}  # number of rights on files by version; 16 in later ones
# Where PDFium looks for the fonts that a PDF names but does not hold; without them it drops vertical Chinese.
_FONTS = ("/usr/share/fonts", "/usr/local/share/fonts", "/usr/share/X11/fonts")
_NETWORK_RIGHTS = 0b11  # bind and connect TCP, from version 4
_SCOPES = 0b11  # abstract sockets and signals, from version 6
_libc = ctypes.CDLL(None, use_errno=True)


def readable_folders(root: str) -> tuple[str, ...]:
    """Where the code lies that a reader may still import (the interpreter, its packages, ours), and fonts."""
    ours = [str(Path(root, name)) for name in ("ingest", "retrieval")]
    others = [sys.prefix, sys.base_prefix, *(path for path in sys.path if path != root)]
    return tuple(dict.fromkeys(path for path in [*ours, *others, *_FONTS] if Path(path).is_dir()))


def prepare(folders: Sequence[str]) -> int | None:
    """A descriptor of rules: only what is in these folders can be read. None where there is no Landlock."""
    if sys.platform != "linux":
        return None
    version = _libc.syscall(_LANDLOCK_CREATE_RULESET, None, ctypes.c_size_t(0), _LANDLOCK_VERSION)
    if version < 1:
        return None
    fields = [(1 << _FILE_RIGHTS.get(version, 16)) - 1]
    fields += [_NETWORK_RIGHTS] if version >= 4 else []
    fields += [_SCOPES] if version >= 6 else []
    handled = struct.pack(f"={len(fields)}Q", *fields)
    ruleset: int = _libc.syscall(_LANDLOCK_CREATE_RULESET, handled, ctypes.c_size_t(len(handled)), 0)
    if ruleset < 0:
        return None
    for folder in folders:
        parent = os.open(folder, os.O_PATH | os.O_CLOEXEC)
        rule = struct.pack("=Qi", _READ_FILE | _READ_DIR, parent)
        added = _libc.syscall(_LANDLOCK_ADD_RULE, ruleset, _LANDLOCK_PATH_BENEATH, rule, 0)
        failed = ctypes.get_errno()
        os.close(parent)
        if added < 0:
            raise OSError(failed, f"Landlock refuses a rule for {folder}")
    return ruleset


def die_with_parent(signal_number: int) -> None:
    """This process gets the signal when the one that started it ends."""
    if sys.platform == "linux":
        _libc.prctl(_PR_SET_PDEATHSIG, signal_number, 0, 0, 0)


def die_first() -> None:
    """Where the system runs out of memory, this process and those it forks are ended before any other."""
    with contextlib.suppress(OSError):
        Path("/proc/self/oom_score_adj").write_text("1000", encoding="ascii")


def confine(ruleset: int | None) -> None:
    """Apply the rules of ``prepare`` and the filter of ``syscalls`` to this process, for good."""
    if sys.platform != "linux" or _libc.prctl(_PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0:
        return
    if ruleset is not None:
        _libc.syscall(_LANDLOCK_RESTRICT_SELF, ruleset, 0)
        os.close(ruleset)
    machine = platform.machine()
    instructions = filter_for(machine, os.getpid())
    if instructions is not None:
        buffer = ctypes.create_string_buffer(instructions, len(instructions))
        program = struct.pack("=H6xQ", len(instructions) // 8, ctypes.addressof(buffer))
        number, flags = SECCOMP[machine], _SECCOMP_FILTER_FLAG_SPEC_ALLOW
        _libc.syscall(number, _SECCOMP_SET_MODE_FILTER, flags, program)
