"""One process owns a data directory: two writers on one Chroma folder corrupt it within seconds."""

import fcntl
import json
import os
import secrets
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO

from app.errors import DataDirectoryLocked
from app.storage.room import room

WHOSE = "the lock of the data directory"


@dataclass(frozen=True, slots=True)
class Owner:
    """Who holds the lock: its process id, and where it is a server its address and the operator's token."""

    pid: int
    url: str
    token: str = field(default="", repr=False)


class DirectoryLock:
    """An exclusive lock on a data directory, held until ``release`` or the end of the process.

    ``token`` is 256 random bits, made anew for each holder: whoever can read the lock file (mode 0600), and
    so everything else in the directory, may do at the server what the command line may do.
    """

    def __init__(self, data_dir: Path) -> None:
        """Take the lock, creating the folder (mode 0700). Raises ``DataDirectoryLocked`` or ``DiskFull``."""
        with room(WHOSE):
            data_dir.mkdir(parents=True, exist_ok=True, mode=0o700)
            self._path = data_dir / "lock"
            self._file: IO[str] = open(self._path, "a+", encoding="utf-8", opener=_private)  # noqa: SIM115
            os.fchmod(self._file.fileno(), 0o600)  # one that an earlier version made
        self.token = secrets.token_urlsafe(32)
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
        owner = json.dumps({"pid": os.getpid(), "url": url, "token": self.token if url else ""})
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
        return Owner(int(values["pid"]), str(values["url"]), str(values.get("token", "")))
    except (OSError, ValueError, KeyError, TypeError):
        return None


def _private(path: str, flags: int) -> int:
    return os.open(path, flags, 0o600)
