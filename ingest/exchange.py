"""Listens to one parser process: its progress, its reply, its error output; patient up to a limit in each."""

import os
import selectors
import socket
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

from ingest.launch import Running
from ingest.wire import FRAME, PROGRESS, REPLY

Stopped = Literal["", "timeout", "overflow", "nonsense"]
_HEARTBEAT_S = 0.2
_GRACE_S = 2.0  # between the end of what a process says and its own end
_READ = 1 << 20  # bytes
_MOST_FRAMES = 100_000  # a reader tells ten times a second
_DIAGNOSTICS = 8_192  # bytes of standard error that are looked at
_MOST_ERRORS = 16_000_000  # bytes of standard error


@dataclass(slots=True)
class Heard:
    """What a parser process said and how it ended.

    ``reply`` is None where it is missing or incomplete; then ``stopped`` names the limit that ended the
    process, or ``status`` its exit code or minus the signal that ended it (None where it had to be killed).
    ``total`` is the last count of units that was told.
    """

    reply: bytearray | None = None
    stopped: Stopped = ""
    status: int | None = None
    diagnostics: bytes = b""
    done: int = 0
    total: int = 1


class Exchange:
    """One conversation. ``tell(done, total)`` is called at least every 0.25 s, and may raise to end it."""

    def __init__(
        self, channel: socket.socket, errors: int, running: Running, tell: Callable[[int, int], None]
    ) -> None:
        self._channel, self._errors, self._running, self._tell = channel, errors, running, tell
        self._heard = Heard()
        self._unread = bytearray()
        self._expected = -1  # bytes of the reply, once it has begun
        self._frames = self._error_bytes = 0
        self._told, self._told_at = (-1, -1), 0.0

    def run(self, deadline: float, most_bytes: int) -> Heard:
        """Listen until the reply is complete, the process has ended or a limit is reached.

        The process may still run then. ``deadline`` is a ``time.monotonic()``. Raises what ``tell`` and
        ``Running.wait`` raise.
        """
        os.set_blocking(self._errors, False)
        self._channel.setblocking(False)
        with selectors.DefaultSelector() as selector:
            selector.register(self._channel, selectors.EVENT_READ)
            selector.register(self._errors, selectors.EVENT_READ)
            speaking = True
            while speaking and not self._heard.stopped:
                until_beat = self._beat()
                ready = selector.select(min(until_beat, max(deadline - time.monotonic(), 0)))
                for key, _ in ready:
                    if key.fileobj is self._channel:
                        speaking = self._listen(most_bytes)
                    elif self._drain() == 0:
                        selector.unregister(self._errors)
                if time.monotonic() >= deadline and speaking:
                    self._heard.stopped = "timeout"
        if not self._heard.stopped and self._heard.reply is None:
            self._await_end(min(deadline, time.monotonic() + _GRACE_S))
        return self._heard

    def _beat(self) -> float:
        """Tell the counts if they are new or it is time to repeat them; the seconds until the next time."""
        counts, now = (self._heard.done, self._heard.total), time.monotonic()
        if counts != self._told or now >= self._told_at + _HEARTBEAT_S:
            self._tell(*counts)
            self._told, self._told_at = counts, now
        return max(self._told_at + _HEARTBEAT_S - now, 0)

    def _listen(self, most_bytes: int) -> bool:
        """Take in what was said; false where nothing more will be, or need be."""
        try:
            piece = self._channel.recv(_READ)
        except BlockingIOError:
            return True
        except ConnectionResetError:  # it ended without reading all that was sent to it
            return False
        self._unread += piece
        while self._expected < 0 and len(self._unread) >= FRAME.size:
            kind, first, second = FRAME.unpack_from(self._unread)
            del self._unread[: FRAME.size]
            self._take_frame(kind, first, second, most_bytes)
            if self._heard.stopped:
                return False
        if 0 <= self._expected <= len(self._unread):
            if len(self._unread) > self._expected:
                self._heard.stopped = "nonsense"
            else:
                self._heard.reply = self._unread
            return False
        return bool(piece)

    def _take_frame(self, kind: int, first: int, second: int, most_bytes: int) -> None:
        self._frames += 1
        if kind == REPLY and second == 0:
            self._expected = first
            self._heard.stopped = "overflow" if first > most_bytes else ""
        elif kind == PROGRESS and first <= second and second >= 1 and self._frames <= _MOST_FRAMES:
            self._heard.done, self._heard.total = first, second
        else:
            self._heard.stopped = "nonsense"

    def _drain(self) -> int:
        """Keep the end of the error output; how many bytes were there, 0 at its end, -1 for none yet."""
        try:
            piece = os.read(self._errors, _READ)
        except BlockingIOError:
            return -1
        self._error_bytes += len(piece)
        if self._error_bytes > _MOST_ERRORS:
            self._heard.stopped = "nonsense"
        self._heard.diagnostics = (self._heard.diagnostics + piece)[-_DIAGNOSTICS:]
        return len(piece)

    def _await_end(self, deadline: float) -> None:
        """How the process ended; it has said all it will say."""
        while self._heard.status is None and time.monotonic() < deadline:
            self._heard.status = self._running.wait(min(self._beat(), deadline - time.monotonic()))
        while self._drain() > 0 and not self._heard.stopped:
            pass
