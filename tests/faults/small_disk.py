"""A real disk of a few megabytes, that a test fills up and frees again."""

import os
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest

PIECE = 64 * 1024


class SmallDisk:
    """A tmpfs of its own."""

    def __init__(self, root: Path, megabytes: int) -> None:
        self.root = root
        root.mkdir(parents=True, exist_ok=True)
        options = ("-t", "tmpfs", "-o", f"size={megabytes}m", "tmpfs", str(root))
        done = subprocess.run(["mount", *options], capture_output=True, text=True, check=False)
        if done.returncode:
            pytest.skip(f"no disk of our own can be mounted here: {done.stderr.strip()}")
        self._ballast = root / "ballast"

    def fill(self, *, but: int = 0) -> None:
        """Leave this many bytes free."""
        with self._ballast.open("ab", buffering=0) as file:
            while (left := self.free() - but) > 0:
                try:
                    file.write(bytes(min(left, PIECE)))
                except OSError:
                    return

    def empty(self) -> None:
        """Free what ``fill`` took."""
        self._ballast.unlink(missing_ok=True)

    def grow(self, megabytes: int) -> None:
        """Make the disk larger."""
        subprocess.run(["mount", "-o", f"remount,size={megabytes}m", str(self.root)], check=True)

    def free(self) -> int:
        """The bytes that are free."""
        found = os.statvfs(self.root)
        return found.f_bavail * found.f_frsize

    def close(self) -> None:
        """Take the disk away."""
        subprocess.run(["umount", "--lazy", str(self.root)], check=False)


@contextmanager
def small_disk(root: Path, megabytes: int) -> Iterator[SmallDisk]:
    """A disk at ``root``; the test is skipped where mounting is not permitted."""
    disk = SmallDisk(root, megabytes)
    try:
        yield disk
    finally:
        with suppress(OSError):
            disk.empty()
        disk.close()
