"""Rows of token ids: what the reranker reads of each chunk, under a digest of exactly that text."""

import logging
import sqlite3
from collections.abc import Mapping, Sequence
from dataclasses import astuple, dataclass

from app.errors import TouchstoneError
from app.storage.chunks import BATCH
from app.storage.database import Database

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class TokenRow:
    """The ids of one chunk for one tokenizer, in the order of the table's columns."""

    chunk_id: str
    tokenizer: str
    digest: bytes
    ids: bytes


class TokenIds:
    """``rerank.protocols.TokenStore`` on SQLite, one tokenizer's ids a chunk.

    A chunk takes its ids with it when it is deleted. What cannot be read or mended is logged and left to the
    tokenizer: no question fails for want of stored ids.
    """

    def __init__(self, database: Database) -> None:
        self._database = database

    def get(self, tokenizer: str, keys: Sequence[bytes]) -> dict[bytes, bytes]:
        """The ids of these texts for this tokenizer; see the role."""
        found: dict[bytes, bytes] = {}
        try:
            for at in range(0, len(keys), BATCH):
                batch = keys[at : at + BATCH]
                marks = ",".join("?" * len(batch))
                rows = self._database.connection().execute(
                    f"SELECT digest, ids FROM chunk_tokens WHERE tokenizer = ? AND digest IN ({marks})",  # noqa: S608 - marks are question marks
                    (tokenizer, *batch),
                )
                found.update((row["digest"], row["ids"]) for row in rows)
        except (sqlite3.Error, TouchstoneError) as error:
            log.warning("stored token ids of %d texts could not be read: %s", len(keys), error)
        return found

    def replace(self, tokenizer: str, packed: Mapping[bytes, bytes]) -> None:
        """Write ids anew under keys that are there; see the role."""
        try:
            with self._database.transaction() as connection:
                connection.executemany(
                    "UPDATE chunk_tokens SET ids = ? WHERE tokenizer = ? AND digest = ?",
                    [(ids, tokenizer, key) for key, ids in packed.items()],
                )
        except (sqlite3.Error, TouchstoneError) as error:
            log.warning("damaged token ids of %d texts could not be replaced: %s", len(packed), error)

    def put(self, rows: Sequence[TokenRow]) -> None:
        """Keep ids of chunks in place of another tokenizer's; chunks deleted meanwhile are skipped."""
        with self._database.transaction() as connection:
            write_token_ids(connection, rows)

    def count(self, tokenizer: str) -> int:
        """Chunks whose ids for this tokenizer are stored."""
        (count,) = (
            self._database.connection()
            .execute("SELECT count(*) FROM chunk_tokens WHERE tokenizer = ?", (tokenizer,))
            .fetchone()
        )
        return int(count)


def write_token_ids(connection: sqlite3.Connection, rows: Sequence[TokenRow]) -> None:
    """Write rows of chunks that exist, inside the transaction the connection is in."""
    connection.executemany(
        "INSERT INTO chunk_tokens (chunk_id, tokenizer, digest, ids)"
        " SELECT ?1, ?2, ?3, ?4 FROM chunk WHERE id = ?1"
        " ON CONFLICT (chunk_id) DO UPDATE SET"
        " tokenizer = excluded.tokenizer, digest = excluded.digest, ids = excluded.ids",
        [astuple(row) for row in rows],
    )
