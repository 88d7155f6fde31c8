"""Rows of knowledge bases."""

import uuid
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

from app.errors import BadRequest, NotFound
from app.storage.database import Database
from retrieval.manifest import IndexManifest

MAX_NAME = 100


@dataclass(frozen=True, slots=True)
class Collection:
    """A knowledge base: its name, the rerank instruction its admin wrote, and what it holds."""

    id: str
    name: str
    instruction: str
    manifest: IndexManifest | None
    documents: int
    chunks: int


@dataclass(frozen=True, slots=True)
class InstructionVersion:
    """One wording of a collection's rerank instruction; versions count from 1, the newest is in force."""

    version: int
    instruction: str
    note: str
    created_at: datetime


class Collections:
    """Create, find, change and delete knowledge bases."""

    def __init__(self, database: Database, *, now: Callable[[], datetime]) -> None:
        self._database = database
        self._now = now

    def all(self) -> list[Collection]:
        """Every collection, by name."""
        return self._select("", ())

    def named(self, name: str) -> Collection:
        """The collection of that name. Raises ``NotFound`` naming those that exist."""
        found = self._select("WHERE c.name = ?", (name,))
        if not found:
            known = ", ".join(repr(c.name) for c in self.all()) or "none yet"
            raise NotFound(
                f"collection {name!r} does not exist (there is: {known}); `touchstone ingest` creates it"
            )
        return found[0]

    def create(self, name: str, *, reserved: bool = False) -> Collection:
        """The collection of that name, made where it did not exist. Raises ``BadRequest``.

        Names with ``~`` are kept for the program itself (``reserved``).
        """
        usable = name.isprintable() and name == name.strip() and 0 < len(name) <= MAX_NAME
        if not reserved and (not usable or "~" in name):
            raise BadRequest(
                f"collection name {name!r} cannot be used; choose 1 to {MAX_NAME} printable characters "
                "without ~ and without space at either end"
            )
        with self._database.transaction() as connection:
            connection.execute(
                "INSERT INTO collection (id, name, created_at) VALUES (?, ?, ?)"
                " ON CONFLICT (name) DO NOTHING",
                (uuid.uuid4().hex, name, self._now().isoformat()),
            )
        return self.named(name)

    def set_manifest(self, collection_id: str, manifest: IndexManifest) -> None:
        """Record which embedder the collection's vectors come from."""
        with self._database.transaction() as connection:
            connection.execute(
                "UPDATE collection SET embedder = ?, dim = ? WHERE id = ?",
                (manifest.embedder_identity, manifest.dim, collection_id),
            )

    def set_instruction(self, collection_id: str, instruction: str, *, note: str = "") -> int:
        """The rerank instruction for questions to this collection; empty means the default.

        Written as a new version, whose number is returned (the present one where nothing changes, 0 where
        there never was one).
        """
        with self._database.transaction() as connection:
            row = connection.execute(
                "SELECT instruction, (SELECT coalesce(max(version), 0) FROM instruction_version v"
                " WHERE v.collection_id = c.id) AS latest FROM collection c WHERE c.id = ?",
                (collection_id,),
            ).fetchone()
            if row is None:
                raise NotFound(f"collection {collection_id!r} does not exist")
            if row["instruction"] == instruction:
                return int(row["latest"])
            version = int(row["latest"]) + 1
            connection.execute(
                "INSERT INTO instruction_version (collection_id, version, instruction, note, created_at)"
                " VALUES (?, ?, ?, ?, ?)",
                (collection_id, version, instruction, note, self._now().isoformat()),
            )
            connection.execute(
                "UPDATE collection SET instruction = ? WHERE id = ?", (instruction, collection_id)
            )
        return version

    def instructions(self, collection_id: str) -> list[InstructionVersion]:
        """Every version of the collection's rerank instruction, oldest first."""
        rows = self._database.connection().execute(
            "SELECT version, instruction, note, created_at FROM instruction_version"
            " WHERE collection_id = ? ORDER BY version",
            (collection_id,),
        )
        return [
            InstructionVersion(
                row["version"], row["instruction"], row["note"], datetime.fromisoformat(row["created_at"])
            )
            for row in rows
        ]

    def restore_instruction(self, collection_id: str, version: int) -> int:
        """Put an earlier wording into force, as a new version. Raises ``NotFound`` naming what there is."""
        known = self.instructions(collection_id)
        wanted = next((each for each in known if each.version == version), None)
        if wanted is None:
            there = f"1 to {known[-1].version}" if known else "none yet"
            raise NotFound(f"instruction version {version} does not exist (there is: {there})")
        return self.set_instruction(collection_id, wanted.instruction, note=f"version {version} restored")

    def swap(self, old: Collection, new: Collection, *, retired: str) -> None:
        """Let ``new`` take name and instructions of ``old``, which is called ``retired`` from now on."""
        with self._database.transaction() as connection:
            connection.execute("UPDATE collection SET name = ? WHERE id = ?", (retired, old.id))
            connection.execute(
                "UPDATE collection SET name = ?, instruction = ? WHERE id = ?",
                (old.name, old.instruction, new.id),
            )
            connection.execute(
                "UPDATE instruction_version SET collection_id = ? WHERE collection_id = ?", (new.id, old.id)
            )

    def delete(self, collection_id: str) -> None:
        """Delete the collection with its documents, versions and chunks (rows only)."""
        with self._database.transaction() as connection:
            connection.execute("DELETE FROM collection WHERE id = ?", (collection_id,))

    def _select(self, where: str, parameters: tuple[str, ...]) -> list[Collection]:
        rows = self._database.connection().execute(
            "SELECT c.id, c.name, c.instruction, c.embedder, c.dim,"  # noqa: S608 - where is a literal of this file
            " (SELECT count(*) FROM document d"
            "  WHERE d.collection_id = c.id AND d.current_version > 0) AS documents,"
            " (SELECT count(*) FROM chunk k"
            "  JOIN document d ON d.id = k.document_id AND d.current_version = k.version"
            "  WHERE k.collection_id = c.id) AS chunks"
            f" FROM collection c {where} ORDER BY c.name",
            parameters,
        )
        return [
            Collection(
                id=row["id"],
                name=row["name"],
                instruction=row["instruction"],
                manifest=IndexManifest(row["embedder"], row["dim"]) if row["embedder"] is not None else None,
                documents=row["documents"],
                chunks=row["chunks"],
            )
            for row in rows
        ]
