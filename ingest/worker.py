"""Runs the PDF parser in a throw-away subprocess that may use only so much time, memory and output.

A hostile or broken PDF can end the process that reads it (PDFium aborts on a 5 MB flate bomb), fill its
memory or never come back; here it takes nothing with it but its own parse.
"""

import contextlib
import os
import selectors
import signal
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from typing import IO, cast

from ingest.errors import IngestError
from ingest.reply import decode_reply
from ingest.settings import IngestSettings
from ingest.types import Document, Source

_ROOT = str(Path(__file__).resolve().parents[1])  # the folder that holds ingest/ and retrieval/
_ENTRY = (
    "import sys; sys.path.insert(0, sys.argv[1]); "
    "from ingest.parser_process import main; main(sys.argv[2:])"
)
_BYTES_PER_CHARACTER = 12  # of output: UTF-8 and JSON escapes of a character, and its share of the line boxes
_OUTPUT_RESERVE = 16_000_000  # bytes, for blocks and boxes of documents with little text
_DIAGNOSTICS = 8_192  # bytes of standard error that are looked at
_READ = 65_536  # bytes
_POLL_S = 0.002
_OUT_OF_MEMORY = (b"MemoryError", b"bad_alloc", b"out of memory", b"Out of memory", b"Cannot allocate memory")


class PdfParser:
    """The parser for PDFs: a new subprocess for each document, safe to use from several threads."""

    media_types = frozenset({"application/pdf"})

    def __init__(self, settings: IngestSettings) -> None:
        self._settings = settings

    def parse(self, source: Source) -> Document:
        """The document; its title is the one in the metadata, else the file's stem.

        Raises ``IngestError`` with the codes of ``pdf.read_pdf``, or parse_timeout, parse_memory,
        parse_crash.
        """
        finished = _run(source.data, self._settings)
        failure = _failure(finished, source.name, self._settings)
        if failure is not None:
            raise failure
        try:
            return decode_reply(finished.output, source)
        except IngestError as error:
            if error.code != "parse_memory":
                raise
            raise _out_of_memory(source.name, self._settings) from error


@dataclass(frozen=True, slots=True)
class _Finished:
    """How the subprocess ended; ``status`` is its exit code, or minus the signal that ended it."""

    status: int
    output: bytes
    diagnostics: bytes
    timed_out: bool = False
    overflowed: bool = False


def _run(data: bytes, settings: IngestSettings) -> _Finished:
    limits = (settings.parse_memory_bytes, settings.parse_cpu_s, settings.max_pages, settings.max_characters)
    process = subprocess.Popen(  # noqa: S603 - our own interpreter and code, no shell, no user text
        [sys.executable, "-I", "-X", "utf8", "-c", _ENTRY, _ROOT, *map(str, limits)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        cwd="/",
        env={},
        start_new_session=True,
    )
    exchange = _Exchange(process, data, time.monotonic() + settings.parse_timeout_s)
    try:
        exchange.run(_BYTES_PER_CHARACTER * settings.max_characters + _OUTPUT_RESERVE)
    finally:
        status = _reap(process)
    output, diagnostics = bytes(exchange.output), bytes(exchange.diagnostics)
    return _Finished(status, output, diagnostics, exchange.timed_out, exchange.overflowed)


class _Exchange:
    """Feeds standard input and reads both outputs until the process has ended or a limit is reached."""

    def __init__(self, process: "subprocess.Popen[bytes]", data: bytes, deadline: float) -> None:
        self.output, self.diagnostics = bytearray(), bytearray()
        self.timed_out = self.overflowed = False
        self._process, self._unsent, self._deadline = process, memoryview(data), deadline

    def run(self, most_bytes: int) -> None:
        """Exchange data, then wait for the end; ``timed_out`` or ``overflowed`` say what stopped it."""
        process = self._process
        pipes = (process.stdin, process.stdout, process.stderr)
        stdin, stdout, stderr = (cast("IO[bytes]", pipe) for pipe in pipes)
        os.set_blocking(stdin.fileno(), False)
        with stdin, stdout, stderr, selectors.DefaultSelector() as selector:
            selector.register(stdin, selectors.EVENT_WRITE)
            selector.register(stdout, selectors.EVENT_READ, self.output)
            selector.register(stderr, selectors.EVENT_READ, self.diagnostics)
            while len(selector.get_map()) > 0 and not self.overflowed:
                ready = selector.select(max(self._deadline - time.monotonic(), 0))
                if not ready:
                    self.timed_out = True
                    return
                for key, _ in ready:
                    done = self._read(key) if key.fileobj is not stdin else self._write(stdin)
                    if done:
                        selector.unregister(key.fileobj)
                        cast("IO[bytes]", key.fileobj).close()
                self.overflowed = len(self.output) > most_bytes
        self._wait()

    def _read(self, key: selectors.SelectorKey) -> bool:
        piece = os.read(key.fd, _READ)
        key.data.extend(piece)
        if key.data is self.diagnostics:
            del self.diagnostics[:-_DIAGNOSTICS]
        return not piece

    def _write(self, stdin: IO[bytes]) -> bool:
        try:
            sent = os.write(stdin.fileno(), self._unsent[:_READ])
        except BrokenPipeError:
            return True
        self._unsent = self._unsent[sent:]
        return not self._unsent

    def _wait(self) -> None:
        """Wait for the end without reaping, so that the process group can still be named."""
        while os.waitid(os.P_PID, self._process.pid, os.WEXITED | os.WNOWAIT | os.WNOHANG) is None:
            if time.monotonic() >= self._deadline:
                self.timed_out = True
                return
            time.sleep(_POLL_S)


def _reap(process: "subprocess.Popen[bytes]") -> int:
    """Kill whatever is left of the process group; the return code of its leader."""
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(process.pid, signal.SIGKILL)
    return process.wait()


def _failure(finished: _Finished, name: str, settings: IngestSettings) -> IngestError | None:
    """Why there is no reply to decode; None where there is one."""
    if finished.timed_out:
        return IngestError(
            "parse_timeout",
            f"{name}: not parsed within {settings.parse_timeout_s:g} s; split the file, or raise "
            "ingest.parse_timeout_s",
        )
    if finished.overflowed:
        return IngestError("too_much_text", f"{name}: the parser's output is over its limit; split the file")
    if finished.status == 0:
        return None
    if finished.status == -signal.SIGXCPU:
        return IngestError(
            "parse_timeout",
            f"{name}: parsing used more than {settings.parse_cpu_s} s of processor time; split the file, "
            "or raise ingest.parse_cpu_s",
        )
    if _died_of_memory(finished):
        return _out_of_memory(name, settings)
    how = signal.Signals(-finished.status).name if finished.status < 0 else f"exit code {finished.status}"
    return IngestError(
        "parse_crash", f"{name}: the PDF parser ended with {how}; print the file to a new PDF and upload that"
    )


def _died_of_memory(finished: _Finished) -> bool:
    """Whether memory was the reason.

    PDFium calls abort() without a word when an allocation fails (seen with flate bombs); the C and C++
    libraries name any other reason to abort on standard error. SIGKILL that was not ours comes from the
    system's own out-of-memory killer.
    """
    if any(mark in finished.diagnostics for mark in _OUT_OF_MEMORY):
        return True
    silent_abort = finished.status == -signal.SIGABRT and not finished.diagnostics.strip()
    return silent_abort or finished.status == -signal.SIGKILL


def _out_of_memory(name: str, settings: IngestSettings) -> IngestError:
    return IngestError(
        "parse_memory",
        f"{name}: parsing needs more than {settings.parse_memory_bytes:,} bytes of memory; print the file "
        "to a new PDF, or raise ingest.parse_memory_bytes",
    )
