"""Rows of the history of monitoring: what was counted in each minute, and after a day in each hour."""

import json
import sqlite3
from collections.abc import Mapping
from dataclasses import dataclass

from app.storage.database import Database

MINUTE_S, HOUR_S = 60, 3600


@dataclass(frozen=True, slots=True)
class Slice:
    """What was counted while ``seconds`` of the time from ``begins_at`` (Unix time, UTC) on were served.

    ``sums``: by name, what happened in it. ``peaks``: by name, the largest value that was seen in it.
    """

    begins_at: int
    seconds: float
    sums: Mapping[str, float]
    peaks: Mapping[str, float]

    def with_(self, other: "Slice") -> "Slice":
        """Both together, as one that begins where this one does."""
        names = self.sums.keys() | other.sums.keys()
        peaks = self.peaks.keys() | other.peaks.keys()
        return Slice(
            self.begins_at,
            self.seconds + other.seconds,
            {name: self.sums.get(name, 0) + other.sums.get(name, 0) for name in sorted(names)},
            {name: max(self.peaks.get(name, 0), other.peaks.get(name, 0)) for name in sorted(peaks)},
        )


class MonitoringRows:
    """Keep, roll up and read slices. One row for each minute or hour in which something was served."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def add(self, found: Slice) -> None:
        """Count a slice in, into the minute it begins in."""
        with self._database.transaction() as connection:
            _put(connection, MINUTE_S, found)

    def roll_up(self, *, minutes_before: int, hours_before: int) -> int:
        """Merge minutes of hours that ended by ``minutes_before``, and forget hours before ``hours_before``.

        Both are Unix times. Returns how many rows are gone.
        """
        border = minutes_before - minutes_before % HOUR_S
        with self._database.transaction() as connection:
            old = connection.execute(
                "SELECT * FROM monitoring WHERE step_s = ? AND begins_at < ? ORDER BY begins_at",
                (MINUTE_S, border),
            ).fetchall()
            for row in old:
                _put(connection, HOUR_S, _slice(row))
            gone = connection.execute(
                "DELETE FROM monitoring WHERE step_s = ? AND begins_at < ?", (MINUTE_S, border)
            ).rowcount
            return (
                gone
                + connection.execute(
                    "DELETE FROM monitoring WHERE step_s = ? AND begins_at < ?", (HOUR_S, hours_before)
                ).rowcount
            )

    def since(self, begins_at: int) -> list[Slice]:
        """What was counted in minutes and hours that begin at a Unix time or later, in order."""
        rows = self._database.connection().execute(
            "SELECT * FROM monitoring WHERE begins_at >= ? ORDER BY begins_at, step_s DESC", (begins_at,)
        )
        return [_slice(row) for row in rows]

    def began(self) -> int | None:
        """When the oldest that is kept begins, None where nothing is."""
        (found,) = self._database.connection().execute("SELECT min(begins_at) FROM monitoring").fetchone()
        return None if found is None else int(found)


def _put(connection: sqlite3.Connection, step_s: int, found: Slice) -> None:
    begins_at = found.begins_at - found.begins_at % step_s
    row = connection.execute(
        "SELECT * FROM monitoring WHERE step_s = ? AND begins_at = ?", (step_s, begins_at)
    ).fetchone()
    whole = found if row is None else _slice(row).with_(found)
    connection.execute(
        "INSERT INTO monitoring (step_s, begins_at, seconds, sums, peaks) VALUES (?, ?, ?, ?, ?)"
        " ON CONFLICT DO UPDATE SET seconds = excluded.seconds, sums = excluded.sums, peaks = excluded.peaks",
        (step_s, begins_at, whole.seconds, _json(whole.sums), _json(whole.peaks)),
    )


def _slice(row: sqlite3.Row) -> Slice:
    return Slice(row["begins_at"], row["seconds"], json.loads(row["sums"]), json.loads(row["peaks"]))


def _json(values: Mapping[str, float]) -> str:
    return json.dumps({name: round(value, 6) for name, value in values.items() if value})
