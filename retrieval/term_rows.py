"""How the terms of one chunk are kept: ids and counts by column, packed small, read many at a time."""

import zlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

COLUMNS = ("body", "context", "concepts", "characters", "soft")
"""The columns of a row, in order. ``soft`` holds tokens of another vocabulary (``protocols.SoftTokens``)."""
FORMAT = 1
"""The layout below. Another one needs another number: rows then are made again from their chunks."""

_LEAP = 0xFFFF  # the longest step from one id to the next
_MOST = 0xFF  # occurrences in one step
_LEVEL = 1  # zlib: 349 bytes a chunk where level 6 gives 332, in 0.6 of the time (608 before)
_HEAD = np.dtype("<u4").itemsize * len(COLUMNS)

Integers = npt.NDArray[np.integer[Any]]


class RowDamaged(ValueError):
    """The bytes are not what ``pack`` wrote. ``place`` counts the rows that were read, from 0."""

    def __init__(self, place: int, reason: str) -> None:
        super().__init__(reason)
        self.place = place


@dataclass(frozen=True, slots=True, eq=False)
class Unpacked:
    """Entries of many rows, row by row, column by column, ids ascending within a column.

    ``ids`` (uint32) and ``counts`` (uint8) are the entries; an id with more than 255 occurrences has several.
    ``sizes`` (int64, rows by columns) says how many entries each column has.
    """

    ids: npt.NDArray[np.uint32]
    counts: npt.NDArray[np.uint8]
    sizes: npt.NDArray[np.int64]


def pack(columns: Sequence[Mapping[int, int]]) -> bytes:
    """The row of a chunk: for each of ``COLUMNS`` how often (≥ 1) each id (0 to 2^32 - 1) occurs.

    Steps between ids take two bytes and counts one, as in delta-coded
    postings; a longer step or a larger count takes several entries. The low bytes, the high bytes and the
    counts stand together, which deflate likes better. zlib's Adler-32 guards the whole.
    """
    return zlib.compress(_entries(columns), _LEVEL)


def holds(row: bytes, columns: Sequence[Mapping[int, int]]) -> bool:
    """Whether a row is of exactly these columns. Raises ``RowDamaged``."""
    try:
        return zlib.decompress(row) == _entries(columns)
    except zlib.error as error:
        raise RowDamaged(0, str(error)) from error


def _entries(columns: Sequence[Mapping[int, int]]) -> bytes:
    """What is compressed: equal columns give equal bytes."""
    steps: list[int] = []
    counts: list[int] = []
    sizes = []
    for column in columns:
        before, at = len(steps), 0
        for each, count in sorted(column.items()):
            step, at = each - at, each
            if step < _LEAP and count <= _MOST:
                steps.append(step)
                counts.append(count)
                continue
            leaps, step = divmod(step, _LEAP)
            more, count = divmod(count - 1, _MOST)
            steps += [_LEAP] * leaps + [step] + [0] * more
            counts += [0] * leaps + [count + 1] + [_MOST] * more
        sizes.append(len(steps) - before)
    low_high = np.asarray(steps, dtype="<u2").view(np.uint8).reshape(-1, 2)
    return np.asarray(sizes, dtype="<u4").tobytes() + low_high.T.tobytes() + bytes(counts)


def unpack(rows: Sequence[bytes]) -> Unpacked:
    """The entries of many rows. Raises ``RowDamaged``."""
    heads, low, high, counts = [], [], [], []
    for place, row in enumerate(rows):
        try:
            data = zlib.decompress(row)
        except zlib.error as error:
            raise RowDamaged(place, str(error)) from error
        steps, odd = divmod(len(data) - _HEAD, 3)
        if steps < 0 or odd:
            raise RowDamaged(place, f"{len(data)} bytes are no whole number of entries")
        heads.append(data[:_HEAD])
        low.append(data[_HEAD : _HEAD + steps])
        high.append(data[_HEAD + steps : _HEAD + 2 * steps])
        counts.append(data[_HEAD + 2 * steps :])
    sizes = np.frombuffer(b"".join(heads), dtype="<u4").astype(np.int64).reshape(-1, len(COLUMNS))
    lengths = np.fromiter(map(len, counts), dtype=np.int64, count=len(counts))
    if (wrong := np.flatnonzero(sizes.sum(axis=1) != lengths)).size:
        raise RowDamaged(int(wrong[0]), "it has another number of entries than it says")
    steps_taken = np.frombuffer(b"".join(high), dtype=np.uint8).astype(np.uint32)
    steps_taken <<= 8
    steps_taken |= np.frombuffer(b"".join(low), dtype=np.uint8)
    return _summed(steps_taken, np.frombuffer(b"".join(counts), dtype=np.uint8), sizes)


def unpack_readable(rows: Sequence[bytes]) -> tuple[Unpacked, list[int]]:
    """The entries of those rows that can be read, and the places of the others, ascending."""
    places = list(range(len(rows)))
    damaged: list[int] = []
    while True:
        try:
            return unpack([rows[place] for place in places]), sorted(damaged)
        except RowDamaged as error:
            damaged.append(places.pop(error.place))


def word_ids(rows: Unpacked) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]:
    """Row (from 0) and id of every term of the dictionary that a row holds in any column, each pair once."""
    columns = np.repeat(np.tile(np.arange(len(COLUMNS)), len(rows.sizes)), rows.sizes.ravel())
    places = np.repeat(np.arange(len(rows.sizes)), rows.sizes.sum(axis=1))
    words = columns != COLUMNS.index("soft")
    pairs = np.unique(places[words] << 32 | rows.ids[words])
    return pairs >> 32, pairs & 0xFFFFFFFF


def _summed(
    steps: npt.NDArray[np.uint32], counts: npt.NDArray[np.uint8], sizes: npt.NDArray[np.int64]
) -> Unpacked:
    """Steps become ids: sums that start anew with each column, modulo 2^32, where differences are exact."""
    ends = np.cumsum(sizes.ravel())
    zero = np.zeros(1, dtype=np.int64)
    reached = np.cumsum(steps, dtype=np.uint32)
    before = np.zeros(len(ends), dtype=np.uint32)
    before[1:] = np.concatenate([zero.astype(np.uint32), reached])[ends[:-1]]
    ids = reached - np.repeat(before, sizes.ravel())
    real = counts > 0
    if real.all():
        return Unpacked(ids, counts, sizes)
    kept = np.concatenate([zero, np.cumsum(real)])[np.concatenate([zero, ends])]
    return Unpacked(ids[real], counts[real], np.diff(kept).reshape(sizes.shape))
