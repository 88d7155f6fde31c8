"""What says how well passages were ranked: stored evaluations, and feedback with the answer it is about."""

import json
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from app.storage.database import Database


@dataclass(frozen=True, slots=True)
class MeasuredRun:
    """An evaluation that has ended, with MRR@10 (0..1) of the order that passages were chosen from.

    ``on`` and ``off``: with reranking and without, as (mean, low, high) of its 95 % interval over ``judged``
    questions; None where it was not asked so. ``asked_with``: the options that decide what can be compared.
    """

    id: str
    collection_id: str
    collection: str
    set_name: str
    asked_with: str
    ended_at: datetime
    judged: int
    on: tuple[float, float, float] | None
    off: tuple[float, float, float] | None


@dataclass(frozen=True, slots=True)
class Vote:
    """Feedback that was not withdrawn; ``result`` is the answer's JSON, "" where that is gone."""

    verdict: Literal["up", "down"]
    given_at: datetime
    result: str


class Rankings:
    """Read both."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def runs(self, collections: Collection[str], limit: int) -> list[MeasuredRun]:
        """Evaluations of these collections (ids) that are done and judged something, oldest first.

        The newest ``limit`` of them.
        """
        rows = self._database.connection().execute(
            "SELECT * FROM (SELECT e.seq, e.id, e.collection_id, c.name AS collection, e.set_name,"
            " e.ended_at, json_remove(e.options, '$.rerank', '$.generate') AS asked_with,"
            " json_extract(e.options, '$.rerank') AS way, json_extract(e.report, '$.judged') AS judged,"
            " json_array(json_extract(e.report, '$.stages.reranked.\"mrr@10\"'),"
            " json_extract(e.report, '$.intervals.reranked.\"mrr@10\"[0]'),"
            " json_extract(e.report, '$.intervals.reranked.\"mrr@10\"[1]')) AS reranked,"
            " json_array(json_extract(e.report, '$.stages.fused.\"mrr@10\"'),"
            " json_extract(e.report, '$.intervals.fused.\"mrr@10\"[0]'),"
            " json_extract(e.report, '$.intervals.fused.\"mrr@10\"[1]')) AS fused"
            " FROM evaluation e JOIN collection c ON c.id = e.collection_id WHERE e.state = 'done'"
            " AND e.report <> '' AND json_extract(e.report, '$.judged') > 0"
            " AND e.collection_id IN (SELECT value FROM json_each(?1)) ORDER BY e.seq DESC LIMIT ?2)"
            " ORDER BY seq",
            (json.dumps(sorted(collections)), limit),
        )
        return [
            MeasuredRun(
                id=row["id"],
                collection_id=row["collection_id"],
                collection=row["collection"],
                set_name=row["set_name"],
                asked_with=row["asked_with"],
                ended_at=datetime.fromisoformat(row["ended_at"]),
                judged=row["judged"],
                on=_shares(row["reranked"]) if row["way"] != "off" else None,
                off=_shares(row["fused"]) if row["way"] != "on" else None,
            )
            for row in rows
        ]

    def votes(self, since: datetime) -> Iterator[Vote]:
        """What was thought of answers and given at a time or later, in order of that."""
        rows = self._database.connection().execute(
            "SELECT f.verdict, f.updated_at, m.result FROM feedback f JOIN message m ON m.id = f.message_id"
            " WHERE f.withdrawn = 0 AND f.updated_at >= ? ORDER BY f.updated_at, f.seq",
            (since.isoformat(),),
        )
        for row in rows:
            yield Vote(row["verdict"], datetime.fromisoformat(row["updated_at"]), row["result"])


def _shares(text: str) -> tuple[float, float, float] | None:
    mean, low, high = json.loads(text)
    return None if mean is None else (float(mean), float(low), float(high))
