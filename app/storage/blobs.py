"""Uploaded bytes, kept under their own hash; no name a user typed ever becomes a path."""

import os
import tempfile
from pathlib import Path


class BlobStore:
    """Files ``<root>/ab/<sha256>``. The same bytes are kept once."""

    def __init__(self, root: Path) -> None:
        self._root = root

    def put(self, sha256: str, data: bytes) -> None:
        """Keep the bytes; whole or not at all, also when the machine stops in between."""
        target = self.path(sha256)
        if target.is_file():
            return
        target.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        with tempfile.NamedTemporaryFile(dir=target.parent, delete=False) as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        Path(file.name).replace(target)

    def path(self, sha256: str) -> Path:
        """Where the bytes lie. Raises ``ValueError`` for anything but a SHA-256 in hex."""
        if len(sha256) != 64 or not all(c in "0123456789abcdef" for c in sha256):
            raise ValueError(f"not a SHA-256 in hex: {sha256!r}")
        return self._root / sha256[:2] / sha256

    def remove(self, sha256: str) -> None:
        """Forget the bytes; unknown ones are no error."""
        self.path(sha256).unlink(missing_ok=True)
