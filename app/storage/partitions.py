"""Which partition of the vector store answers for a collection, which is being built, which waits to go."""

import uuid
from collections.abc import Iterator
from contextlib import contextmanager

from app.storage.database import Database


class PartitionRows:
    """A collection's vectors lie in the partition of its own id until a reindex puts another in its place."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._kept: set[str] = set()

    def current(self, collection_id: str) -> str:
        """The partition that is searched; what is no collection's id is a partition's name already."""
        row = (
            self._database.connection()
            .execute(
                "SELECT name FROM vector_partition WHERE collection_id = ? AND state = 'current'",
                (collection_id,),
            )
            .fetchone()
        )
        return collection_id if row is None else str(row["name"])

    def building(self, collection_id: str, job_id: str) -> str:
        """The partition a reindex builds beside the current one; named after its job, so never used twice."""
        name = f"{collection_id}.{job_id}"
        with self._database.transaction() as connection:
            connection.execute(
                "INSERT INTO vector_partition (name, collection_id, state, job_id)"
                " VALUES (?, ?, 'building', ?) ON CONFLICT DO NOTHING",
                (name, collection_id, job_id),
            )
        return name

    @contextmanager
    def beside(self, collection_id: str) -> Iterator[str]:
        """A partition to build beside the current one without a job; kept while the block runs.

        It waits to be dropped afterwards unless it was switched to; so it does after a stop.
        """
        token = uuid.uuid4().hex
        self._kept.add(f"{collection_id}.{token}")
        try:
            yield self.building(collection_id, token)
        finally:
            self._kept.discard(f"{collection_id}.{token}")

    def switch(self, collection_id: str, name: str) -> None:
        """Search the partition of that name from now on; the one before waits to be dropped."""
        with self._database.transaction() as connection:
            connection.execute(
                "INSERT INTO vector_partition (name, collection_id, state, job_id)"
                " VALUES (?, ?, 'retired', '') ON CONFLICT (name) DO UPDATE SET state = 'retired'",
                (self.current(collection_id), collection_id),
            )
            connection.execute("UPDATE vector_partition SET state = 'current' WHERE name = ?", (name,))

    def of(self, collection_id: str) -> list[str]:
        """Every partition that may hold vectors of the collection."""
        rows = self._database.connection().execute(
            "SELECT name FROM vector_partition WHERE collection_id = ? ORDER BY name", (collection_id,)
        )
        return [collection_id, *(row["name"] for row in rows if row["name"] != collection_id)]

    def known(self) -> set[str]:
        """Every partition that belongs to a collection, or is being built."""
        rows = self._database.connection().execute(
            "SELECT id AS name FROM collection UNION SELECT name FROM vector_partition"
        )
        return {row["name"] for row in rows} | self._kept

    def retired(self) -> list[str]:
        """Partitions to drop: those replaced, and those whose reindex will not go on."""
        rows = self._database.connection().execute(
            "SELECT name FROM vector_partition p WHERE state = 'retired'"
            " OR (state = 'building' AND NOT EXISTS"
            "  (SELECT 1 FROM job j WHERE j.id = p.job_id AND j.held = 1)) ORDER BY name"
        )
        return [row["name"] for row in rows if row["name"] not in self._kept]

    def forget(self, name: str) -> None:
        """A partition was dropped."""
        with self._database.transaction() as connection:
            connection.execute("DELETE FROM vector_partition WHERE name = ?", (name,))
