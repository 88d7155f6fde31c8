"""Uploaded bytes, kept under their own hash; no name a user typed ever becomes a path."""

import hashlib
import os
import tempfile
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from types import TracebackType
from typing import TypeVar

from app.failpoints import hit
from app.storage.room import room

T = TypeVar("T")
UPLOADS = "uploaded files"


class Incoming:
    """Bytes that are arriving: written to a file of their own and hashed on the way; gone unless adopted."""

    def __init__(self, folder: Path) -> None:
        with room(UPLOADS):
            folder.mkdir(parents=True, exist_ok=True, mode=0o700)
            hit("receive.before")
            descriptor, name = tempfile.mkstemp(dir=folder)
        self.path = Path(name)
        self.size_bytes = 0
        self._file = os.fdopen(descriptor, "wb")
        self._hash = hashlib.sha256()

    def __enter__(self) -> "Incoming":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        with suppress(OSError):  # what could not be written is thrown away
            self._file.close()
        self.path.unlink(missing_ok=True)

    def write(self, data: bytes) -> None:
        """Take in the next piece. Raises ``DiskFull``."""
        self._hash.update(data)
        with room(UPLOADS):
            hit("receive.half")
            self._file.write(data)
        self.size_bytes += len(data)

    def whole(self) -> str:
        """All bytes are there, and on the disk; their SHA-256 in hex. Raises ``DiskFull``."""
        with room(UPLOADS):
            self._file.flush()
            os.fsync(self._file.fileno())
        return self._hash.hexdigest()


class BlobStore:
    """Files ``<root>/ab/<sha256>``. The same bytes are kept once.

    ``adopt`` and ``discard`` exclude each other, so that bytes are never thrown away between the moment they
    are put in place and the moment somebody is known to need them.
    """

    def __init__(self, root: Path) -> None:
        self._root = root
        self._tmp = root.parent / "tmp"
        self._guard = threading.RLock()
        self._keeping = 0
        self._unwanted: list[tuple[str, Callable[[str], bool]]] = []

    def receive(self) -> Incoming:
        """A place for bytes that arrive piece by piece."""
        return Incoming(self._tmp)

    def adopt(self, incoming: Incoming, record: Callable[[str, int], T]) -> T:
        """Keep received bytes: in place, and on the disk, before ``record(sha256, size_bytes)`` is called.

        Gives back what ``record`` does. Where it raises, bytes nobody knew before are gone again. Raises
        ``DiskFull``.
        """
        sha256 = incoming.whole()
        target = self.path(sha256)
        hit("store.before")
        with self._guard:
            new = not target.is_file()
            if new:
                self._place(incoming.path, target)
            hit("store.blob")
            try:
                recorded = record(sha256, incoming.size_bytes)
            except BaseException:
                if new:
                    target.unlink(missing_ok=True)
                raise
        hit("store.after")
        return recorded

    def path(self, sha256: str) -> Path:
        """Where the bytes lie. Raises ``ValueError`` for anything but a SHA-256 in hex."""
        if len(sha256) != 64 or not all(c in "0123456789abcdef" for c in sha256):
            raise ValueError(f"not a SHA-256 in hex: {sha256!r}")
        return self._root / sha256[:2] / sha256

    def discard(self, sha256: str, uses: Callable[[str], bool]) -> None:
        """Forget the bytes unless somebody uses them; unknown ones are no error."""
        with self._guard:
            if self._keeping:
                self._unwanted.append((sha256, uses))
            elif sha256 and not uses(sha256):
                self.path(sha256).unlink(missing_ok=True)

    @contextmanager
    def keeping(self) -> Iterator[None]:
        """While this is held nothing is thrown away; it is done, where it is still called for, afterwards."""
        with self._guard:
            self._keeping += 1
        try:
            yield
        finally:
            with self._guard:
                self._keeping -= 1
                unwanted, self._unwanted = ([], self._unwanted) if self._keeping else (self._unwanted, [])
                for sha256, uses in unwanted:
                    self.discard(sha256, uses)

    @contextmanager
    def settled(self) -> Iterator[None]:
        """While this is held nothing is put in place or thrown away."""
        with self._guard:
            yield

    def sweep_tmp(self) -> None:
        """Delete the uploads that a stop broke off. Before anything is received."""
        for left in self._tmp.glob("*"):
            left.unlink(missing_ok=True)

    def sweep(self, uses: Callable[[str], bool]) -> None:
        """Delete the bytes that nobody uses: a stop came before anybody knew of them."""
        for sha256 in self._kept():
            if not uses(sha256):
                self.discard(sha256, uses)

    def _place(self, path: Path, target: Path) -> None:
        with room(UPLOADS):
            made = not target.parent.is_dir()
            target.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
            path.replace(target)
            _sync(target.parent)
            if made:
                _sync(self._root)

    def _kept(self) -> Iterator[str]:
        for path in sorted(self._root.glob("??/*")):
            if len(path.name) == 64:
                yield path.name


def _sync(folder: Path) -> None:
    """Make a rename in this folder last."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
