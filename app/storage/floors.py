"""Rows of calibrated floors: from which relevance on a collection's passages are evidence."""

import json
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

from app.storage.database import Database


@dataclass(frozen=True, slots=True)
class CalibratedFloor:
    """A floor that labelled questions have shown to part answerable from unanswerable ones best.

    ``curve``: (relevance, share of answerable questions among as many of both) in rising order.
    ``balanced_accuracy``: on questions that were not used for choosing (cross-validated).
    """

    reranker: str
    floor: float
    questions: int
    balanced_accuracy: float
    set_name: str
    curve: tuple[tuple[float, float], ...]


class CalibratedFloors:
    """Keep and find floors by collection id and reranker identity."""

    def __init__(self, database: Database, *, now: Callable[[], datetime]) -> None:
        self._database = database
        self._now = now

    def floor(self, collection_id: str, reranker: str) -> float | None:
        """The floor, or None where none was calibrated for this reranker."""
        row = (
            self._database.connection()
            .execute(
                "SELECT floor FROM calibrated_floor WHERE collection_id = ? AND reranker = ?",
                (collection_id, reranker),
            )
            .fetchone()
        )
        return None if row is None else float(row["floor"])

    def of(self, collection_id: str) -> list[CalibratedFloor]:
        """Every floor of a collection, by reranker."""
        rows = self._database.connection().execute(
            "SELECT * FROM calibrated_floor WHERE collection_id = ? ORDER BY reranker", (collection_id,)
        )
        return [
            CalibratedFloor(
                reranker=row["reranker"],
                floor=row["floor"],
                questions=row["questions"],
                balanced_accuracy=row["balanced_accuracy"],
                set_name=row["golden_set"],
                curve=tuple((x, y) for x, y in json.loads(row["curve"])),
            )
            for row in rows
        ]

    def keep(self, collection_id: str, found: CalibratedFloor) -> None:
        """Put a floor into force, in place of an earlier one for the same reranker."""
        with self._database.transaction() as connection:
            connection.execute(
                "INSERT OR REPLACE INTO calibrated_floor (collection_id, reranker, floor, questions,"
                " balanced_accuracy, golden_set, curve, made_at) VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
                (
                    collection_id,
                    found.reranker,
                    found.floor,
                    found.questions,
                    found.balanced_accuracy,
                    found.set_name,
                    json.dumps(found.curve),
                    self._now().isoformat(),
                ),
            )

    def forget(self, collection_id: str) -> int:
        """Go back to the rerankers' own floors; how many were in force."""
        with self._database.transaction() as connection:
            return connection.execute(
                "DELETE FROM calibrated_floor WHERE collection_id = ?", (collection_id,)
            ).rowcount
