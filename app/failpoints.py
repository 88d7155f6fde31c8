"""Places where a test may stop the program, so that what must survive any stop can be shown to survive it.

Armed by ``TOUCHSTONE_FAILPOINTS`` alone (read in ``app/settings.py``): ``name[:n]=action``, several joined by
commas. ``n`` means the n-th time only. Actions: ``kill`` (the process sends itself SIGKILL), ``raise``,
``sleep:seconds``, ``enospc`` (the disk is full).
"""

import errno
import os
import signal
import threading
import time

POINTS = (
    "receive.before",  # an upload's first byte
    "receive.half",  # each piece of an upload
    "store.before",  # bytes are whole in tmp/
    "store.blob",  # bytes are under their hash, no job knows them
    "store.after",  # blob and job are committed, nobody has been told
    "parse.before",
    "parse.after",  # the parse result is kept
    "chunk.before",
    "chunk.after",  # chunks are staged without vectors
    "embed.before",
    "embed.batch",  # one batch of vectors is kept
    "embed.after",
    "index.before",
    "index.after",  # vectors are in Chroma, the job still says indexing
    "publish.before",
    "publish.inside",  # inside the publishing transaction
    "publish.after",  # the version is shown, the old one not yet swept
    "sweep.before",
    "sweep.after",
    "cancel.before",
    "cancel.after",  # marked cancelled, nothing cleaned yet
    "delete.before",
    "delete.after",  # retired, not yet swept
    "drop.before",  # a deleted collection shows nothing, its partitions and its row are there
    "drop.after",  # the row is gone, nobody has been told
    "restore.indexed",  # vectors are in Chroma, the version is not shown
    "restore.after",  # shown again
    "reindex.before",
    "reindex.inside",  # inside the switching transaction
    "reindex.after",  # switched, the old index not yet dropped
    "rebuild.before",  # a partition is begun
    "rebuild.built",  # it is whole and not yet searched
    "rebuild.after",  # it is searched, the old one not yet dropped
    "rebuild.words",  # the words of one batch are written again
    "purge.after",  # nothing is kept any longer, nothing is swept yet
    "recover.before",  # of a start: jobs are still in the hands of a process that is gone
    "recover.after",  # they are taken back, the index is not yet compared
    "refill.before",  # a vector index that differs is about to be dropped
    "refill.half",  # part of it is written again
    "refill.words",  # chunks that the word index lacked are in it, others not yet
    "unpack.before",  # a backup is checked and written, nothing is in its place
    "unpack.half",  # its files are in their place, the database is not
)


class Injected(RuntimeError):
    """What ``raise`` raises: an error no code expects."""


class _Armed:
    """The actions of one process, and how often each place was passed."""

    def __init__(self) -> None:
        self.actions: dict[str, tuple[int, str]] = {}
        self.passed: dict[str, int] = {}
        self.guard = threading.Lock()


_armed = _Armed()  # of the process: a place cannot be handed its switch through every call above it


def arm(spec: str) -> None:
    """Set the actions; "" takes all of them away. Raises ``ValueError`` naming what cannot be used."""
    actions: dict[str, tuple[int, str]] = {}
    for part in filter(None, (each.strip() for each in spec.split(","))):
        place, _, action = part.partition("=")
        name, _, number = place.partition(":")
        kind, _, seconds = action.partition(":")
        timed = kind == "sleep" and seconds.replace(".", "", 1).isdigit()
        if name not in POINTS or not (timed or action in ("kill", "raise", "enospc")):
            raise ValueError(f"fail point {part!r} cannot be used; give name[:n]=kill|raise|enospc|sleep:s")
        if number and not number.isdigit():
            raise ValueError(f"fail point {part!r}: {number!r} is not a number of times")
        actions[name] = (int(number or 0), action)
    _armed.actions, _armed.passed = actions, {}


def hit(name: str) -> None:
    """Do what is armed for this place; nothing, at the price of one look into an empty dict, otherwise."""
    if _armed.actions and name in _armed.actions:
        _act(name)


def passed(name: str) -> int:
    """How often an armed place was passed."""
    return _armed.passed.get(name, 0)


def _act(name: str) -> None:
    wanted, action = _armed.actions[name]
    with _armed.guard:
        _armed.passed[name] = times = _armed.passed.get(name, 0) + 1
    if wanted and times != wanted:
        return
    if action == "kill":
        os.kill(os.getpid(), signal.SIGKILL)
    if action == "enospc":
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), name)
    if action == "raise":
        raise Injected(f"fail point {name}")
    time.sleep(float(action.partition(":")[2]))
