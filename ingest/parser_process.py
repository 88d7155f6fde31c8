"""The parser process: reads one file from a descriptor and answers on a channel (see ``worker``).

The zygote forks it, or the parent starts it where there is no zygote. It limits and confines itself before it
looks at the file. All it knows of the file are its bytes: not its name, not its place.
"""

import importlib
import json
import os
import resource
import signal
import socket
import struct
import sys
import time
import traceback
from dataclasses import asdict, dataclass, field
from pathlib import Path
from types import ModuleType

from ingest import confine
from ingest.errors import IngestError
from ingest.readers import Limits
from ingest.wire import FRAME, PROGRESS, REPLY, encode

_LENGTH = struct.Struct("<I")
_MAX_OPEN_FILES = 64
_LAST_SECONDS = 5  # between SIGXCPU, which names the reason, and SIGKILL
_TELL_EVERY_S = 0.1
_OUT_OF_MEMORY = encode(IngestError("parse_memory", "out of memory"))  # made while there is memory


@dataclass(frozen=True, slots=True)
class Request:
    """What one parse may use; sent over the channel. ``password`` ("" for none) travels no other way.

    ``extra`` is the one of ``readers.Reader``.
    """

    memory_bytes: int
    cpu_s: int
    max_pages: int
    max_characters: int
    page_timeout_s: float
    extra: str
    password: str = field(repr=False)

    def to_bytes(self) -> bytes:
        """The length, then JSON."""
        body = json.dumps(asdict(self)).encode()
        return _LENGTH.pack(len(body)) + body


def main(root: str, module: str, data: int, channel: int) -> None:
    """``serve`` in an interpreter that was started for this file."""
    confine.die_with_parent(signal.SIGKILL)
    confine.die_first()
    serve(module, data, channel, confine.prepare(confine.readable_folders(root)))


def serve(module: str, data: int, channel: int, ruleset: int | None) -> None:
    """Read the file in descriptor ``data`` with this reader module; the reply goes to the socket ``channel``.

    The module is imported first: its libraries do not count as memory that the file takes.
    """
    with socket.socket(fileno=channel) as parent:
        (length,) = _LENGTH.unpack(_receive(parent, _LENGTH.size))
        request = Request(**json.loads(_receive(parent, length)))
        try:
            reader: ModuleType | IngestError = load(module)
        except ImportError as error:
            extra = f"[{request.extra}]" if request.extra else ""
            reader = IngestError(
                "unsupported_type",
                f"reading it needs {error.name or error}, which is not installed; pip install "
                f"'touchstone-kb{extra}', or convert the file",
            )
        _limit_all(request)
        confine.confine(ruleset)
        reply = encode(reader) if isinstance(reader, IngestError) else _read(reader, data, request, parent)
        parent.sendall(FRAME.pack(REPLY, len(reply), 0))
        parent.sendall(reply)


def load(module: str) -> ModuleType:
    """The reader module. Raises ``ImportError`` where a library of its is not installed.

    numpy is kept out: openpyxl imports it where it can, only to know its kinds of numbers, and it starts
    threads, which a process that forks must not have.
    """
    sys.modules.setdefault("numpy", None)  # type: ignore[arg-type] # None makes an import fail
    return importlib.import_module(module)


def _read(reader: ModuleType, data: int, request: Request, parent: socket.socket) -> bytes:
    limits = Limits(request.max_pages, request.max_characters, request.page_timeout_s)
    try:
        return encode(reader.read(_content(data), limits, request.password, _Teller(parent)))
    except IngestError as error:
        return encode(error)
    except MemoryError:
        return _OUT_OF_MEMORY
    except Exception as error:  # noqa: BLE001 - the parent must hear where, and never the document's text
        return encode(IngestError("parse_crash", f"its parser failed ({_where(error)}); report this file"))


class _Teller:
    """Tells the parent how far the reader is, at most ten times a second."""

    def __init__(self, parent: socket.socket) -> None:
        self._parent, self._next = parent, 0.0

    def __call__(self, done: int, total: int) -> None:
        now = time.monotonic()
        if now >= self._next:
            self._next = now + _TELL_EVERY_S
            self._parent.sendall(FRAME.pack(PROGRESS, done, total))


def _receive(parent: socket.socket, size: int) -> bytes:
    received = b""
    while len(received) < size:
        piece = parent.recv(size - len(received))
        if not piece:
            raise EOFError("the parent has gone")
        received += piece
    return received


def _content(data: int) -> bytes:
    size = os.fstat(data).st_size
    content = os.pread(data, size, 0)
    if len(content) != size:
        raise EOFError(f"{len(content)} of {size} bytes of the file could be read")
    return content


def _limit_all(request: Request) -> None:
    _limit(resource.RLIMIT_AS, _address_space() + request.memory_bytes)
    _limit(resource.RLIMIT_CPU, request.cpu_s, _LAST_SECONDS)
    _limit(resource.RLIMIT_FSIZE, 0)
    _limit(resource.RLIMIT_CORE, 0)
    _limit(resource.RLIMIT_NOFILE, _MAX_OPEN_FILES)


def _address_space() -> int:
    """Bytes that the interpreter and the libraries take before the file is looked at; 0 where unknown."""
    try:
        with open("/proc/self/statm", "rb", buffering=0) as file:
            pages, _ = file.read().split(maxsplit=1)
    except OSError:
        return 0
    return int(pages) * resource.getpagesize()


def _limit(kind: int, soft: int, reserve: int = 0) -> None:
    _, hard = resource.getrlimit(kind)
    ceiling = soft + reserve if hard == resource.RLIM_INFINITY else min(soft + reserve, hard)
    resource.setrlimit(kind, (min(soft, ceiling), ceiling))


def _where(error: Exception) -> str:
    frames = traceback.extract_tb(error.__traceback__)
    place = f"{Path(frames[-1].filename).name}:{frames[-1].lineno}" if frames else "unknown place"
    return f"{type(error).__name__} in {place}"
