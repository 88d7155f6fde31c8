"""One process owns a data directory: two writers on one Chroma folder corrupt it within seconds."""

import fcntl
import json
import os
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from app.errors import DataDirectoryLocked
from app.storage.room import room

WHOSE = "the lock of the data directory"


@dataclass(frozen=True, slots=True)
class Owner:
    """Who holds the lock: its process id, and its address where it is a server."""

    pid: int
    url: str


class DirectoryLock:
    """An exclusive lock on a data directory, held until ``release`` or the end of the process."""

    def __init__(self, data_dir: Path) -> None:
        """Take the lock, creating the folder (mode 0700). Raises ``DataDirectoryLocked`` or ``DiskFull``."""
        with room(WHOSE):
            data_dir.mkdir(parents=True, exist_ok=True, mode=0o700)
            self._path = data_dir / "lock"
            self._file: IO[str] = self._path.open("a+", encoding="utf-8")
        try:
            fcntl.flock(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            self._file.close()
            owner = read_owner(data_dir)
            by = (
                f"process {owner.pid}" + (f" ({owner.url})" if owner.url else "")
                if owner
                else "another process"
            )
            raise DataDirectoryLocked(
                f"data directory {data_dir} is in use by {by}; stop it first, "
                "or set TOUCHSTONE_DATA_DIR to another folder"
            ) from error
        try:
            self.announce("")
        except BaseException:
            self.release()
            raise

    def announce(self, url: str) -> None:
        """Write who holds the lock, so that others can name (or call) it. Raises ``DiskFull``."""
        owner = json.dumps({"pid": os.getpid(), "url": url})
        with room(WHOSE):
            self._file.seek(0)
            self._file.truncate()
            self._file.write(owner)
            self._file.flush()

    def release(self) -> None:
        """Give the directory back."""
        with suppress(OSError):  # what could not be written
            self._file.close()


def present_owner(data_dir: Path) -> Owner | None:
    """Who holds the lock at this moment; None where nobody does. The directory stays as it is."""
    try:
        with (data_dir / "lock").open(encoding="utf-8") as file:
            fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return read_owner(data_dir)
    except OSError:
        return None
    return None


def read_owner(data_dir: Path) -> Owner | None:
    """Who last wrote into the lock file; None where it cannot be read."""
    try:
        values = json.loads((data_dir / "lock").read_text(encoding="utf-8"))
        return Owner(int(values["pid"]), str(values["url"]))
    except (OSError, ValueError, KeyError, TypeError):
        return None
