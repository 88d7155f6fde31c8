"""A reader that misbehaves as the file tells it to; only tests register it."""

import ctypes
import os
import sys
import time
from collections.abc import Callable

from ingest.errors import encrypted
from ingest.readers import Limits, Tell
from ingest.types import Block, PageSpan
from ingest.wire import FRAME, PROGRESS, REPLY, Parsed

GIGABYTE = 1_000_000_000
_PID_BASE = 2**31


def read(data: bytes, limits: Limits, password: str, progress: Tell) -> Parsed:
    """Does what the bytes name; ``echo ...`` is the only harmless one."""
    action, _, words = data.decode().partition(" ")
    if action == "echo":
        return _said(words)
    if action == "password":
        if password != words:
            raise encrypted(password)
        return _said("opened")
    progress(os.getpid(), _PID_BASE)  # so that a test knows which process to look for
    _ACTIONS[action]()
    return _said("survived")


def _said(text: str) -> Parsed:
    return Parsed("", text, (Block("paragraph", 0, len(text), 1),), (PageSpan(1, 0, len(text)),))


def _loop() -> None:
    while True:
        pass


def _memory() -> None:
    bytearray(4 * GIGABYTE)


def _abort() -> None:
    os.write(2, b"munmap_chunk(): invalid pointer\n")
    os.abort()


def _crash() -> None:
    ctypes.string_at(0)


def _print() -> None:
    block = b"x" * 1_000_000
    for _ in range(1_000):
        os.write(1, block)


def _reply() -> None:
    """Announces and sends a reply of 1 GB on the channel, past the code that would refuse to."""
    channel = _channel()
    os.write(channel, FRAME.pack(REPLY, GIGABYTE, 0))
    block = b"x" * 1_000_000
    for _ in range(1_000):
        os.write(channel, block)


def _chatter() -> None:
    channel = _channel()
    frames = FRAME.pack(PROGRESS, 1, 2) * 10_000
    while True:
        os.write(channel, frames)


def _mute() -> None:
    """Closes the channel and goes on."""
    os.close(_channel())
    _loop()


def _channel() -> int:
    """The only socket among this process's descriptors."""
    for descriptor in range(3, 1024):
        try:
            if os.readlink(f"/proc/self/fd/{descriptor}").startswith("socket:"):
                return descriptor
        except OSError:
            continue
    raise LookupError("no socket")


def _fork() -> None:
    for _ in range(3):
        if os.fork() == 0:
            os.setsid()
            time.sleep(600)


def _sleep() -> None:
    time.sleep(600)


def _nap() -> None:
    time.sleep(1.0)


def _exit() -> None:
    sys.stdout.flush()
    os._exit(7)


_ACTIONS: dict[str, Callable[[], None]] = {
    "loop": _loop,
    "memory": _memory,
    "abort": _abort,
    "crash": _crash,
    "print": _print,
    "reply": _reply,
    "chatter": _chatter,
    "mute": _mute,
    "fork": _fork,
    "sleep": _sleep,
    "nap": _nap,
    "exit": _exit,
}
