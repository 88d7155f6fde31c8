"""Starts and ends parser processes: through a zygote, or an interpreter for each where none can run."""

import contextlib
import os
import select
import signal
import socket
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import Protocol

from ingest.zygote import NOT_STARTED, STATUS

_ROOT = str(Path(__file__).resolve().parents[1])  # the folder that holds ingest/ and retrieval/
_IMPORT = "import sys; sys.path.insert(0, sys.argv[1]); "
_ZYGOTE = f"{_IMPORT}from ingest.zygote import main; main(int(sys.argv[2]), sys.argv[1])"
_SINGLE = (
    f"{_IMPORT}from ingest.parser_process import main; "
    "main(sys.argv[1], sys.argv[2], int(sys.argv[3]), int(sys.argv[4]))"
)
_PATIENCE_S = 5.0  # until a killed process is gone, or a zygote obeys
_POLL_S = 0.002


class ZygoteLostError(Exception):
    """The zygote ended, or no longer answers, while a parser process of its was at work."""


class Running(Protocol):
    """A parser process that was started."""

    def wait(self, timeout_s: float) -> int | None:
        """How it ended: its exit code, or minus the signal; None where it still runs after this time.

        Raises ``ZygoteLostError``, and ``OSError`` where the system could not start it.
        """

    def end(self) -> None:
        """Kill whatever is left of it and wait until that is gone. May be called again."""


class Launcher(Protocol):
    """Starts parser processes; safe to use from several threads."""

    def start(self, module: str, data: int, channel: int, errors: int) -> Running:
        """A process for this reader module, with copies of these descriptors."""

    def close(self) -> None:
        """End all processes. A launcher that was closed starts again when it is used again."""


def zygote_obstacle() -> str:
    """Why no zygote can run here, "" where one can."""
    if sys.platform != "linux":
        return f"forking with loaded libraries is only safe on Linux, this is {sys.platform}"
    try:
        os.close(os.pidfd_open(os.getpid()))
    except OSError as error:
        return f"the kernel offers no process descriptors ({error.strerror})"
    return ""


class ZygoteLauncher:
    """Forks parser processes from one zygote, which is started when it is first needed or has ended."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._zygote: _Zygote | None = None

    def start(self, module: str, data: int, channel: int, errors: int) -> "Running":
        """See ``Launcher``; a zygote that has ended since the last time is replaced."""
        ours, theirs = socket.socketpair()
        with theirs:
            try:
                zygote = self._send(module.encode(), [data, channel, errors, theirs.fileno()])
            except BaseException:
                ours.close()
                raise
        return _Forked(ours, self, zygote)

    def close(self) -> None:
        """End the zygote, and with it all parser processes."""
        with self._lock:
            zygote, self._zygote = self._zygote, None
        if zygote is not None:
            zygote.close()

    def discard(self, zygote: "_Zygote") -> None:
        """Do not use this zygote, which is lost or does not answer, again."""
        with self._lock:
            if self._zygote is zygote:
                self._zygote = None
        zygote.close(patience_s=0)

    def _send(self, message: bytes, descriptors: list[int]) -> "_Zygote":
        with self._lock:
            if self._zygote is not None and self._zygote.owner != os.getpid():
                self._zygote = None  # inherited through a fork: it belongs to the process that started it
            if self._zygote is not None and not self._zygote.send(message, descriptors):
                self._zygote.close(patience_s=0)
                self._zygote = None
            if self._zygote is None:
                self._zygote = _Zygote()
                if not self._zygote.send(message, descriptors):
                    raise ZygoteLostError("a zygote ended as soon as it was started")
            return self._zygote


class _Zygote:
    """The zygote process and the parent's end of its control socket."""

    def __init__(self) -> None:
        self.owner = os.getpid()
        self._control, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        self._control.settimeout(_PATIENCE_S)
        with theirs:
            self._process = _python(_ZYGOTE, [str(theirs.fileno())], [theirs.fileno()], None)

    def send(self, message: bytes, descriptors: list[int]) -> bool:
        """False where the zygote has ended or no longer listens."""
        try:
            socket.send_fds(self._control, [message], descriptors)
        except (BrokenPipeError, ConnectionResetError, TimeoutError):
            return False
        return self._process.poll() is None

    def close(self, *, patience_s: float = _PATIENCE_S) -> None:
        """End it and what it has forked. May be called again, and from several threads."""
        self._control.close()
        if self.owner != os.getpid():
            return
        try:
            self._process.wait(patience_s)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()


class _Forked:
    """A process that the zygote forked, known by its life line."""

    def __init__(self, life: socket.socket, launcher: ZygoteLauncher, zygote: _Zygote) -> None:
        self._life, self._launcher, self._zygote = life, launcher, zygote
        self._status: int | None = None

    def wait(self, timeout_s: float) -> int | None:
        poll = select.poll()
        poll.register(self._life, select.POLLIN)
        if self._status is None and poll.poll(max(timeout_s, 0) * 1000):
            told = self._life.recv(STATUS.size)
            if len(told) < STATUS.size:
                self._launcher.discard(self._zygote)
                raise ZygoteLostError("the zygote ended")
            (self._status,) = STATUS.unpack(told)
            if self._status >= NOT_STARTED:
                number = self._status - NOT_STARTED
                raise OSError(number, f"no parser process can be started: {os.strerror(number)}")
        return self._status

    def end(self) -> None:
        with self._life, contextlib.suppress(ZygoteLostError, OSError):
            if self._status is None:
                self._life.shutdown(socket.SHUT_WR)
                if self.wait(_PATIENCE_S) is None:
                    self._launcher.discard(self._zygote)


class SingleLauncher:
    """Starts an interpreter for each file: half a second more each, nothing shared."""

    def start(self, module: str, data: int, channel: int, errors: int) -> "Running":
        """See ``Launcher``."""
        return _Single(_python(_SINGLE, [module, str(data), str(channel)], [data, channel], errors))

    def close(self) -> None:
        """Nothing is held between two files."""


class _Single:
    def __init__(self, process: "subprocess.Popen[bytes]") -> None:
        self._process = process

    def wait(self, timeout_s: float) -> int | None:
        """Does not reap it, so that its group can still be named."""
        until = time.monotonic() + timeout_s
        while self._process.returncode is None:
            ended = os.waitid(os.P_PID, self._process.pid, os.WEXITED | os.WNOWAIT | os.WNOHANG)
            if ended is not None:
                return ended.si_status if ended.si_code == os.CLD_EXITED else -ended.si_status
            if time.monotonic() >= until:
                return None
            time.sleep(_POLL_S)
        return self._process.returncode

    def end(self) -> None:
        if self._process.returncode is None:
            with contextlib.suppress(ProcessLookupError, PermissionError):
                os.killpg(self._process.pid, signal.SIGKILL)
            self._process.wait()


def _python(
    code: str, arguments: list[str], descriptors: list[int], errors: int | None
) -> "subprocess.Popen[bytes]":
    """Our interpreter with nothing but these descriptors, an empty environment, in a session of its own."""
    return subprocess.Popen(  # noqa: S603 - our own interpreter and code, no shell, no user text
        [sys.executable, "-I", "-X", "utf8", "-c", code, _ROOT, *arguments],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL if errors is None else errors,
        stderr=errors,
        pass_fds=descriptors,
        cwd="/",
        env={},
        start_new_session=True,
    )
