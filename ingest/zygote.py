"""The zygote: a process that has the readers' libraries loaded and forks a parser process for each file.

Forking takes a few milliseconds, starting an interpreter and importing the libraries half a second. The
zygote never looks at a byte of anybody's file, and has one thread. Each message on its control socket is
the name of a reader module with four descriptors: the file, the channel, the error output, and a life line.
How a parser process ended is written to its life line; when the parent shuts its end of the life line, the
parser process is killed. When the parent ends or closes the control socket, so do all.
"""

import contextlib
import gc
import os
import selectors
import signal
import socket
import struct
import sys
import traceback
from dataclasses import dataclass
from typing import NoReturn

from ingest import confine
from ingest.parser_process import load, serve
from ingest.readers import Limits

STATUS = struct.Struct("<i")  # exit code, or minus the signal
NOT_STARTED = 1 << 16  # plus the error number: the system refused to start a process
_DESCRIPTORS = 4
_MOST_NAME = 256  # bytes


@dataclass(frozen=True, slots=True)
class _Child:
    pid: int
    pidfd: int
    life: socket.socket


def main(control: int, root: str) -> None:
    """Serve the socket until its other end is closed or the parent has ended."""
    confine.die_first()
    _Zygote(socket.socket(fileno=control), confine.prepare(confine.readable_folders(root))).run()


class _Zygote:
    def __init__(self, control: socket.socket, ruleset: int | None) -> None:
        self._control, self._ruleset = control, ruleset
        self._children: dict[int, _Child] = {}
        self._selector = selectors.DefaultSelector()

    def run(self) -> None:
        try:
            parent = os.pidfd_open(os.getppid())
        except ProcessLookupError:
            return
        self._selector.register(self._control, selectors.EVENT_READ)
        self._selector.register(parent, selectors.EVENT_READ)
        while True:
            for key, _ in self._selector.select():
                over = key.fd == parent or (key.fd == self._control.fileno() and not self._take())
                if over:
                    self._end()
                    return
                if isinstance(key.data, _Child) and self._children.get(key.data.pid) is key.data:
                    self._heard(key.data, ended=key.fd == key.data.pidfd)

    def _heard(self, child: _Child, *, ended: bool) -> None:
        """A parser process has ended, or its parent wants it to end."""
        if ended:
            self._bury(child)
        else:
            self._kill(child)
            self._selector.unregister(child.life)

    def _take(self) -> bool:
        """The next message; false where there will be none."""
        name, descriptors, _, _ = socket.recv_fds(self._control, _MOST_NAME, _DESCRIPTORS)
        if not name:
            return False
        if len(descriptors) == _DESCRIPTORS:
            data, channel, errors, life = descriptors
            self._start(name.decode(), data, channel, errors, socket.socket(fileno=life))
            descriptors = descriptors[:-1]
        for each in descriptors:
            os.close(each)
        return True

    def _start(self, module: str, data: int, channel: int, errors: int, life: socket.socket) -> None:
        if module not in sys.modules:
            _load(module)
        zygote = os.getpid()
        try:
            pid = os.fork()
        except OSError as error:
            _report(life, NOT_STARTED + (error.errno or 0))
            return
        if pid == 0:
            _become_parser(zygote, module, data, channel, errors, self._ruleset)
        child = _Child(pid, os.pidfd_open(pid), life)
        self._children[pid] = child
        self._selector.register(child.pidfd, selectors.EVENT_READ, child)
        self._selector.register(life, selectors.EVENT_READ, child)

    def _kill(self, child: _Child) -> None:
        """Not reaped yet, so the ids still belong to it."""
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(child.pid, signal.SIGKILL)
        with contextlib.suppress(ProcessLookupError):
            signal.pidfd_send_signal(child.pidfd, signal.SIGKILL)

    def _bury(self, child: _Child) -> None:
        """Kill what is left of its group, reap it and report how it ended."""
        self._kill(child)
        ended = os.waitid(os.P_PIDFD, child.pidfd, os.WEXITED)
        del self._children[child.pid]
        self._selector.unregister(child.pidfd)
        with contextlib.suppress(KeyError):  # a killed child's life line is out already
            self._selector.unregister(child.life)
        os.close(child.pidfd)
        status = ended.si_status if ended is not None else 0
        exited = ended is not None and ended.si_code == os.CLD_EXITED
        _report(child.life, status if exited else -status)

    def _end(self) -> None:
        for child in self._children.values():
            self._kill(child)


def _load(module: str) -> None:
    """Import a reader and let it read its sample, so that no parser process pays for what that sets up."""
    with contextlib.suppress(Exception):  # a parser process fails the same way, and tells
        reader = load(module)
        if hasattr(reader, "SAMPLE"):
            reader.read(reader.SAMPLE, Limits(1, len(reader.SAMPLE)), "", lambda _done, _total: None)
    gc.collect()
    gc.freeze()  # the garbage collector of a child does not touch, and so not copy, what is here


def _report(life: socket.socket, status: int) -> None:
    with life, contextlib.suppress(OSError):
        life.send(STATUS.pack(status))


def _become_parser(
    zygote: int, module: str, data: int, channel: int, errors: int, ruleset: int | None
) -> NoReturn:
    """A session of its own, no descriptor but its own, then the work; never returns to the zygote's code."""
    status = 1
    try:
        os.setsid()
        confine.die_with_parent(signal.SIGKILL)
        if os.getppid() != zygote:
            os._exit(status)
        os.dup2(errors, 1)
        os.dup2(errors, 2)
        _close_all_but({data, channel} | ({ruleset} if ruleset is not None else set()))
        serve(module, data, channel, ruleset)
        status = 0
    except BaseException:  # noqa: BLE001 - nothing may reach the zygote's loop
        traceback.print_exc()
    finally:
        os._exit(status)


def _close_all_but(kept: set[int]) -> None:
    """Close every descriptor above standard error except these."""
    low = 3
    for descriptor in sorted(kept):
        os.closerange(low, descriptor)
        low = descriptor + 1
    os.closerange(low, max(map(int, os.listdir("/proc/self/fd"))) + 1)
