"""What an error means for the job it happened to: a fault of the file, something to wait for, or a bug."""

import errno
from dataclasses import dataclass
from typing import Literal

from app.errors import DiskFull, StorageBusy, TouchstoneError
from ingest.errors import IngestError
from retrieval.errors import IndexMismatch, ModelUnavailable, RetrievalError

DISK_ERRORS = (errno.ENOSPC, errno.EDQUOT)
SHORTAGES = (errno.EAGAIN, errno.ENOMEM, errno.EMFILE, errno.ENFILE)  # of processes, memory, open files


@dataclass(frozen=True, slots=True)
class Trouble:
    """How to go on after an error.

    ``file``: fails at once, trying again would not help. ``wait``: nothing is wrong with the file.
    ``bug``: tried again a few times, as a crash is.
    """

    kind: Literal["file", "wait", "bug"]
    code: str
    message: str


class FileTrouble(TouchstoneError):
    """A file that cannot be ingested, for a reason that parsing did not find."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code


def trouble(error: Exception) -> Trouble:
    """What to do about an error of a step."""
    match error:
        case IngestError() | FileTrouble():
            return Trouble("file", error.code, str(error))
        case IndexMismatch():
            return Trouble("file", "index_mismatch", str(error))
        case ModelUnavailable():
            return Trouble("wait", "embedder_unavailable", str(error))
        case RetrievalError():
            return Trouble("wait", "index_unavailable", str(error))
        case DiskFull():
            return Trouble("wait", "disk_full", str(error))
        case StorageBusy():
            return Trouble("wait", "database_busy", str(error))
        case OSError() if error.errno in DISK_ERRORS:
            return Trouble("wait", "disk_full", f"the disk is full ({error}); free some space")
        case OSError() if error.errno in SHORTAGES:
            return Trouble("wait", "system_busy", f"this machine is short of something ({error})")
        case _:
            return Trouble("bug", "internal", f"{type(error).__name__}; the log says where")
