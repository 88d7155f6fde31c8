"""Whether the files of an embedded Chroma can be trusted: looked at before Chroma opens them.

Chroma 1.5.9 writes its graph in place and unchecked (``retrieval.hnsw_files``), beside a SQLite file that
says how far it has come. A stop between the two, a full disk or a bad sector leave them at odds, which Chroma
notices late, in part, or by crashing.
"""

import pickle
import sqlite3
from contextlib import closing
from pathlib import Path
from typing import IO, NoReturn

from retrieval.chroma_names import PREFIX
from retrieval.errors import IndexDamaged, IndexFull
from retrieval.hnsw_files import labels

_KIND = "urn:chroma:segment/vector/hnsw-local-persisted"
_IDS = "index_metadata.pickle"
_DELETE = 3  # an operation in Chroma's queue


def check_files(folder: Path) -> None:
    """Read everything of ours once: about 2 s for 100,000 vectors of 1,024 dimensions.

    Nobody may be writing meanwhile. Raises ``IndexDamaged`` naming the first thing that contradicts another,
    or ``IndexFull`` where what a stop broke off cannot be rolled back for want of room.
    """
    database = folder / "chroma.sqlite3"
    if not database.is_file():
        return  # nothing was ever put in, or all of it is gone: what is missing is seen by comparing ids
    try:
        # Not read-only: what a stop broke off is rolled back by whoever opens the file next.
        with closing(sqlite3.connect(database)) as connection:
            _check_database(connection, folder)
    except sqlite3.Error as error:
        if getattr(error, "sqlite_errorcode", 0) in (sqlite3.SQLITE_FULL, sqlite3.SQLITE_IOERR_WRITE):
            raise IndexFull(f"{database} cannot be recovered ({error}); free some space") from error
        raise IndexDamaged(f"{database} cannot be read ({error})") from error


def _check_database(connection: sqlite3.Connection, folder: Path) -> None:
    (found,) = connection.execute("PRAGMA quick_check(1)").fetchone()
    if found != "ok":
        raise IndexDamaged(f"{folder / 'chroma.sqlite3'} is damaged ({found})")
    if connection.execute("SELECT 1 FROM sqlite_master WHERE name = 'segments'").fetchone() is None:
        return
    segments = connection.execute(
        "SELECT v.id, m.id, c.id, c.dimension FROM segments v JOIN collections c ON c.id = v.collection"
        " JOIN segments m ON m.collection = c.id AND m.scope = 'METADATA'"
        " WHERE v.type = ? AND c.name LIKE ? || '%'",
        (_KIND, PREFIX),
    ).fetchall()
    for segment, metadata, collection, dim in segments:
        graph = _in_graph(folder / segment, dim)
        queue = connection.execute(
            "SELECT id, operation FROM embeddings_queue WHERE topic LIKE '%/' || ?1 AND seq_id >"
            " coalesce((SELECT max(seq_id) FROM max_seq_id WHERE segment_id = ?2), 0) ORDER BY seq_id",
            (collection, segment),
        )
        for name, operation in queue:
            (graph.discard if operation == _DELETE else graph.add)(name)
        listed = {
            row[0]
            for row in connection.execute(
                "SELECT embedding_id FROM embeddings WHERE segment_id = ?", (metadata,)
            )
        }
        queue = connection.execute(
            "SELECT id, operation FROM embeddings_queue WHERE topic LIKE '%/' || ?1 AND seq_id >"
            " coalesce((SELECT max(seq_id) FROM max_seq_id WHERE segment_id = ?2), 0) ORDER BY seq_id",
            (collection, metadata),
        )
        for name, operation in queue:
            (listed.discard if operation == _DELETE else listed.add)(name)
        if graph != listed:
            raise IndexDamaged(
                f"{folder / segment} lacks {len(listed - graph)} vectors that are listed, and holds "
                f"{len(graph - listed)} that are not"
            )


def _in_graph(folder: Path, dim: int | None) -> set[str]:
    """The ids whose vectors the graph on the disk holds; none where none was ever written."""
    try:
        file = (folder / _IDS).open("rb")
    except FileNotFoundError:
        return set()
    with file:
        ids = _ids(file)
    if dim is None:
        raise IndexDamaged(f"{folder} holds vectors of no known dimension")
    found = labels(folder, dim)
    if found is not None and set(ids.values()) != found:
        raise IndexDamaged(f"{folder} names {len(ids)} vectors, and its graph holds {len(found)} others")
    return set(ids)


def _ids(file: IO[bytes]) -> dict[str, int]:
    """The label of each id. Nothing but plain values is ever made of the file."""
    try:
        read = _Plain(file).load()
        labels_of, ids_of = read["id_to_label"], read["label_to_id"]
        sound = {label: name for name, label in labels_of.items()} == ids_of and all(
            isinstance(name, str) and isinstance(label, int) for name, label in labels_of.items()
        )
    except Exception as error:  # whatever the damage makes of it
        raise IndexDamaged(f"{file.name} cannot be read ({type(error).__name__}: {error})") from error
    if not sound:
        raise IndexDamaged(f"{file.name} contradicts itself")
    return dict(labels_of)


class _Plain(pickle.Unpickler):
    """Refuses everything a pickle could run."""

    def find_class(self, module: str, name: str) -> NoReturn:
        raise pickle.UnpicklingError(f"{module}.{name} does not belong there")
