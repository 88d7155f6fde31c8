"""What an error means for the job it happened to: a fault of the file, something to wait for, or a bug."""

import errno
from dataclasses import dataclass
from typing import Literal

from app.errors import DataDirectoryDamaged, DiskFull, StorageBusy, TouchstoneError
from app.storage.database import in_words
from app.storage.room import FULL
from ingest.errors import IngestError
from retrieval.errors import IndexFull, IndexMismatch, ModelUnavailable, RetrievalError

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
    match in_words(error):
        case IngestError() | FileTrouble() as fault:
            return Trouble("file", fault.code, str(fault))
        case IndexMismatch():
            return Trouble("file", "index_mismatch", str(error))
        case ModelUnavailable():
            return Trouble("wait", "embedder_unavailable", str(error))
        case IndexFull() | DiskFull() as full:
            return Trouble("wait", "disk_full", str(full))
        case RetrievalError():
            return Trouble("wait", "index_unavailable", str(error))
        case StorageBusy() as busy:
            return Trouble("wait", "database_busy", str(busy))
        case DataDirectoryDamaged() as damaged:
            return Trouble("wait", "database_damaged", str(damaged))
        case OSError() as refused if refused.errno in FULL:
            return Trouble("wait", "disk_full", f"the disk is full ({refused}); free some space")
        case OSError() as refused if refused.errno in SHORTAGES:
            return Trouble("wait", "system_busy", f"this machine is short of something ({refused})")
        case _:
            return Trouble("bug", "internal", f"{type(error).__name__}; the log says where")
