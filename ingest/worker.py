"""Reads each file in a throw-away process that may use only so much time, memory and output.

A hostile or broken file can end the process that reads it (PDFium aborts on a 5 MB flate bomb), fill its
memory or never come back; here it takes nothing with it but its own parse.
"""

import atexit
import contextlib
import fcntl
import functools
import logging
import os
import signal
import socket
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping
from typing import Literal

from ingest.errors import IngestError, encrypted
from ingest.exchange import Exchange, Heard
from ingest.launch import Launcher, SingleLauncher, ZygoteLauncher, ZygoteLostError, zygote_obstacle
from ingest.parser_process import Request
from ingest.protocols import Progress, quiet
from ingest.readers import READERS, Reader
from ingest.reply import decode_reply
from ingest.settings import IngestSettings
from ingest.types import Document, Source

_log = logging.getLogger(__name__)
Start = Literal["zygote", "single"]
_BYTES_PER_CHARACTER = 4  # of the reply: UTF-8
_REPLY_RESERVE = 100_000_000  # bytes, for a million blocks and a million lines
_ATTEMPTS = 2  # a zygote that was killed is no fault of the file
_MOST_PASSWORD = 1_024  # bytes
_PROBE = Reader("ingest.probe", "probe", "report this", 1)
_OUT_OF_MEMORY = (b"MemoryError", b"bad_alloc", b"out of memory", b"Out of memory", b"Cannot allocate memory")


class Sandbox:
    """Parses files, each in a process of its own; safe to use from several threads.

    ``readers`` says which module reads which media type. ``start`` chooses how processes begin; without it
    they are forked from a zygote where the system allows that (``launch.zygote_obstacle`` says why not).
    """

    def __init__(self, readers: Mapping[str, Reader] = READERS, start: Start | None = None) -> None:
        self._readers = readers
        self.start: Start = start or ("single" if zygote_obstacle() else "zygote")
        self._launcher: Launcher = ZygoteLauncher() if self.start == "zygote" else SingleLauncher()

    def __enter__(self) -> "Sandbox":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """End all processes, also those at work. The next parse starts new ones."""
        self._launcher.close()

    def parse(self, source: Source, settings: IngestSettings, progress: Progress, password: str) -> Document:
        """The document; its title is its own, else the file's stem.

        ``progress("parse", done, total)`` is called at least every 0.25 s; when it raises, the process is
        killed at once and the exception passed on. Raises ``IngestError`` with the codes of the readers, or
        unsupported_type, parse_timeout, parse_memory, parse_crash, too_much_text; ``OSError`` where the
        system cannot start a process.
        """
        reader = self._readers.get(source.media_type)
        if reader is None:
            raise IngestError(
                "unsupported_type",
                f"{source.name}: no parser reads {source.media_type}; convert the file first",
            )
        if len(password.encode(errors="replace")) > _MOST_PASSWORD:
            raise IngestError("encrypted", f"{source.name}: {encrypted(password)}")
        with _shared_copy(source.data) as data:
            for _ in range(_ATTEMPTS):
                with contextlib.suppress(ZygoteLostError):
                    return self._read(data, source, reader, settings, progress, password)
        raise IngestError(
            "parse_crash",
            f"{source.name}: the process that starts the {reader.kind} parser ended {_ATTEMPTS} times; "
            f"run touchstone doctor, or {reader.remedy}",
        )

    def escapes(self, settings: IngestSettings) -> tuple[str, ...]:
        """What a parser process can do but should not: names of ``probe.ATTEMPTS``, found by trying."""
        source = Source("", "", "probe", "text/plain", "", b"")
        with _shared_copy(source.data) as data:
            return tuple(self._read(data, source, _PROBE, settings, quiet, "").text.split())

    def _read(
        self,
        data: int,
        source: Source,
        reader: Reader,
        settings: IngestSettings,
        progress: Progress,
        password: str,
    ) -> Document:
        deadline = time.monotonic() + settings.parse_timeout_s
        request = Request(
            memory_bytes=settings.parse_memory_bytes,
            cpu_s=settings.parse_cpu_s,
            max_pages=settings.max_pages,
            max_characters=settings.max_characters,
            page_timeout_s=settings.ocr_page_timeout_s,
            extra=reader.extra,
            password=password,
        )
        with contextlib.ExitStack() as stack:
            ours, theirs = map(stack.enter_context, socket.socketpair())
            errors, errors_in = os.pipe()
            stack.callback(os.close, errors)
            try:
                running = self._launcher.start(reader.module, data, theirs.fileno(), errors_in)
            finally:
                os.close(errors_in)
                theirs.close()
            stack.callback(running.end)
            with contextlib.suppress(BrokenPipeError):  # it has ended already; the exchange hears how
                ours.sendall(request.to_bytes())
            exchange = Exchange(ours, errors, running, functools.partial(progress, "parse"))
            heard = exchange.run(deadline, _BYTES_PER_CHARACTER * settings.max_characters + _REPLY_RESERVE)
        if heard.reply is None:
            raise _failure(heard, source.name, reader, settings)
        try:
            document = decode_reply(heard.reply, source, reader.kind)
        except IngestError as error:
            if error.code == "parse_memory":
                raise _out_of_memory(source.name, reader, settings) from error
            raise
        progress("parse", heard.total, heard.total)
        return document


@functools.cache
def shared_sandbox() -> Sandbox:
    """The sandbox of this program; its zygote starts with the first parse and ends with the program."""
    sandbox = Sandbox()
    if sandbox.start == "single":
        _log.warning("each file starts an interpreter, which is slow: %s", zygote_obstacle())
    atexit.register(sandbox.close)
    return sandbox


@contextlib.contextmanager
def _shared_copy(data: bytes) -> Iterator[int]:
    """A descriptor of a file in memory that holds the data and can no longer be changed."""
    if sys.platform == "linux":
        descriptor = os.memfd_create("touchstone", os.MFD_CLOEXEC | os.MFD_ALLOW_SEALING)
        with open(descriptor, "wb", buffering=0) as file:
            _write(file.fileno(), data)
            seals = fcntl.F_SEAL_WRITE | fcntl.F_SEAL_GROW | fcntl.F_SEAL_SHRINK | fcntl.F_SEAL_SEAL
            fcntl.fcntl(descriptor, fcntl.F_ADD_SEALS, seals)
            yield descriptor
    else:
        with tempfile.TemporaryFile(buffering=0) as file:
            _write(file.fileno(), data)
            yield file.fileno()


def _write(descriptor: int, data: bytes) -> None:
    left = memoryview(data)
    while left:
        left = left[os.write(descriptor, left) :]


def _failure(heard: Heard, name: str, reader: Reader, settings: IngestSettings) -> IngestError:
    """Why there is no reply."""
    if heard.stopped == "timeout":
        return IngestError(
            "parse_timeout",
            f"{name}: not parsed within {settings.parse_timeout_s:g} s; split the file, or raise "
            "ingest.parse_timeout_s",
        )
    if heard.stopped == "overflow":
        return IngestError("too_much_text", f"{name}: the parser's output is over its limit; split the file")
    if heard.status == -signal.SIGXCPU:
        return IngestError(
            "parse_timeout",
            f"{name}: parsing used more than {settings.parse_cpu_s} s of processor time; split the file, "
            "or raise ingest.parse_cpu_s",
        )
    if not heard.stopped and _died_of_memory(heard):
        return _out_of_memory(name, reader, settings)
    return IngestError("parse_crash", f"{name}: the {reader.kind} parser {_end(heard)}; {reader.remedy}")


def _end(heard: Heard) -> str:
    if heard.stopped:
        return "wrote what no parser writes, and was stopped"
    if heard.status is None:
        return "fell silent, and was stopped"
    how = signal.Signals(-heard.status).name if heard.status < 0 else f"exit code {heard.status}"
    return f"ended with {how}"


def _died_of_memory(heard: Heard) -> bool:
    """Whether memory was the reason.

    PDFium calls abort() without a word when an allocation fails (seen with flate bombs); the C and C++
    libraries name any other reason to abort on standard error. SIGKILL that was not ours comes from the
    system's own out-of-memory killer.
    """
    if any(mark in heard.diagnostics for mark in _OUT_OF_MEMORY):
        return True
    silent_abort = heard.status == -signal.SIGABRT and not heard.diagnostics.strip()
    return silent_abort or heard.status == -signal.SIGKILL


def _out_of_memory(name: str, reader: Reader, settings: IngestSettings) -> IngestError:
    return IngestError(
        "parse_memory",
        f"{name}: parsing needs more than {settings.parse_memory_bytes:,} bytes of memory; {reader.remedy}, "
        "or raise ingest.parse_memory_bytes",
    )
