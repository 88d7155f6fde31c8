"""The words of what is shown: whole texts by name, and which chunks there are."""

from app.storage.database import Database


class ShownTexts:
    """Reads current versions only."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def text(self, collection_id: str, name: str) -> str | None:
        """The text of a document, as it was read; None where the collection shows none of that name."""
        row = (
            self._database.connection()
            .execute(
                "SELECT v.text FROM document d JOIN version v"
                " ON v.document_id = d.id AND v.version = d.current_version"
                " WHERE d.collection_id = ? AND d.name = ?",
                (collection_id, name),
            )
            .fetchone()
        )
        return None if row is None else str(row["text"])

    def chunk_ids(self, collection_id: str, *, least_tokens: int) -> dict[str, list[str]]:
        """The ids of a collection's chunks of at least so many tokens, by document id, in reading order."""
        rows = self._database.connection().execute(
            "SELECT k.id, k.document_id FROM chunk k JOIN document d ON d.id = k.document_id"
            " AND d.current_version = k.version WHERE k.collection_id = ? AND k.tokens >= ?"
            " ORDER BY k.document_id, k.ordinal",
            (collection_id, least_tokens),
        )
        found: dict[str, list[str]] = {}
        for row in rows:
            found.setdefault(row["document_id"], []).append(row["id"])
        return found
