"""Looking for contradictions in the stored inverted index, and taking them out."""

import sqlite3
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from retrieval.term_rows import Unpacked, unpack_readable, word_ids

_AT_ONCE = 512  # rows that are unpacked together


@dataclass(frozen=True, slots=True, eq=False)
class Survey:
    """What the rows and the dictionary say of each other.

    ``damaged``: rows that cannot be read or hold a term that the dictionary lacks. ``terms`` are the ids of
    the dictionary, ascending; ``counted`` in how many of the other rows each stands, ``told`` what the
    dictionary says.
    """

    damaged: list[int]
    terms: npt.NDArray[np.int64]
    told: npt.NDArray[np.int64]
    counted: npt.NDArray[np.int64]


def damage(connection: sqlite3.Connection) -> str:
    """What contradicts itself in the index; "" where nothing does. Inside a transaction."""
    try:
        found = _survey(connection)
    except sqlite3.DatabaseError as error:
        return str(error)
    wrong = int(np.count_nonzero(found.told != found.counted))
    if found.damaged:
        rows = ", ".join(str(row) for row in found.damaged[:5])
        return f"{len(found.damaged)} rows cannot be read (as {rows})"
    return f"{wrong} terms stand in another number of rows than is told" if wrong else ""


def mend(connection: sqlite3.Connection) -> None:
    """Take out rows that cannot be read, and terms that none of the others holds; count those that stay.

    Inside a transaction. The chunks whose rows were taken out have to be added again.
    """
    found = _survey(connection)
    connection.executemany("DELETE FROM lexical_row WHERE row = ?", [(row,) for row in found.damaged])
    wrong = found.told != found.counted
    connection.executemany(
        "UPDATE lexical_term SET chunks = ? WHERE id = ?",
        zip(found.counted[wrong].tolist(), found.terms[wrong].tolist(), strict=True),
    )
    connection.execute("DELETE FROM lexical_term WHERE chunks <= 0")
    # A change that leaves no trace but in the sequence: readers load everything anew.
    connection.execute("INSERT INTO lexical_change (row, collection, added) VALUES (0, '', 0)")
    connection.execute("DELETE FROM lexical_change")


def _survey(connection: sqlite3.Connection) -> Survey:
    dictionary = connection.execute("SELECT id, chunks FROM lexical_term ORDER BY id").fetchall()
    terms, told = np.array([tuple(row) for row in dictionary], dtype=np.int64).reshape(-1, 2).T
    counted = np.zeros(len(terms), dtype=np.int64)
    damaged: list[int] = []
    rows = connection.execute("SELECT row, terms FROM lexical_row ORDER BY row")
    while batch := rows.fetchmany(_AT_ONCE):
        found, unreadable = unpack_readable([row[1] for row in batch])
        damaged += [batch[place][0] for place in unreadable]
        numbers = [row[0] for place, row in enumerate(batch) if place not in unreadable]
        damaged += _count(found, numbers, terms, counted)
    return Survey(sorted(damaged), terms, told, counted)


def _count(
    found: Unpacked, numbers: list[int], terms: npt.NDArray[np.int64], counted: npt.NDArray[np.int64]
) -> list[int]:
    """Count the terms of these rows; the numbers of those that hold unknown ones, which are left out."""
    rows, ids = word_ids(found)
    at = np.searchsorted(terms, ids)
    known = at < len(terms)
    known[known] = terms[at[known]] == ids[known]
    strange = np.unique(rows[~known])
    np.add.at(counted, at[~np.isin(rows, strange)], 1)
    return [numbers[row] for row in strange.tolist()]
