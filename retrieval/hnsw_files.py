"""The files in which Chroma keeps an HNSW graph, looked at before Chroma does.

hnswlib believes what it reads: one flipped bit in a link makes a search read foreign memory, which ends the
whole process, and files that were cut off give wrong neighbours without a word. Both happen: Chroma writes
the files in place, without fsync, and does not see that a disk is full.

Layout: ``persistDirty`` and ``readPersistedIndexFromStreams`` of hnswlib/hnswalg.h in chroma-core/hnswlib,
persistence version 1, cosine distance (vectors are stored with norm 1, their lengths beside them).
"""

import math
import struct
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from retrieval.errors import IndexDamaged

_HEADER = struct.Struct("<iQQQQQQiIQQQdQ")
_VERSION = 1
_UNIT = 1e-2  # how far from 1 the length of a vector may be that was rounded to float16
_MOST_SPARE = 100_000  # elements for which there may be room beyond twice those that are there
_DELETED = 0x10000  # in the word that holds the number of links
_ROWS = 20_000  # looked at at a time: 90 MB at 1,024 dimensions

Links = npt.NDArray[np.uint32]


@dataclass(frozen=True, slots=True)
class _Header:
    """What header.bin says, in its order."""

    version: int
    level0_offset: int
    max_elements: int
    count: int
    row_bytes: int
    label_offset: int
    vector_offset: int
    top_level: int
    entry: int
    most_links: int
    most_links0: int
    degree: int
    level_scale: float
    ef_construction: int


def labels(folder: Path, dim: int) -> set[int] | None:
    """The labels of all vectors that are not deleted, once nothing in the files contradicts anything else.

    None for files of another version than this one knows: hnswlib refuses those that are not of its own.
    Raises ``IndexDamaged`` naming the first contradiction, or the file that cannot be read.
    """
    try:
        header = _header(folder / "header.bin", dim)
        if header is None:
            return None
        levels = _levels(folder / "link_lists.bin", header)
        _lengths(folder / "length.bin", header)
        return _rows(folder / "data_level0.bin", header, dim, levels)
    except OSError as error:
        raise IndexDamaged(f"the files of an HNSW graph in {folder} cannot be read ({error})") from error


def _header(path: Path, dim: int) -> _Header | None:
    data = path.read_bytes()
    if len(data) >= 4 and int.from_bytes(data[:4], "little", signed=True) != _VERSION:
        return None
    _must(len(data) == _HEADER.size, path, f"has {len(data)} bytes, not {_HEADER.size}")
    found = _Header(*_HEADER.unpack(data))
    links0 = 4 + 4 * found.most_links0
    _must(
        2 <= found.degree <= 1024
        and (found.most_links, found.most_links0) == (found.degree, 2 * found.degree)
        and math.isclose(found.level_scale, 1 / math.log(found.degree))
        and 1 <= found.ef_construction <= 100_000
        and (found.level0_offset, found.vector_offset) == (0, links0)
        and found.label_offset == links0 + 4 * dim
        and found.row_bytes == links0 + 4 * dim + 8
        and found.count <= found.max_elements <= 2 * found.count + _MOST_SPARE
        and -1 <= found.top_level <= 64
        and (found.entry < found.count or found.count == 0),
        path,
        f"contradicts itself: {found}",
    )
    return found


def _levels(path: Path, header: _Header) -> npt.NDArray[np.int64]:
    """The level of each element; links above level 0 lead to elements that have that level, too."""
    data, at = path.read_bytes(), 0
    per_level = 4 + 4 * header.most_links
    levels = np.zeros(header.count, np.int64)
    starts: list[tuple[int, int]] = []
    for element in range(header.count):
        _must(at + 4 <= len(data), path, f"ends at element {element} of {header.count}")
        size = int.from_bytes(data[at : at + 4], "little")
        at += 4
        if size:
            levels[element] = size // per_level
            starts.append((element, at))
            at += size
            _must(size % per_level == 0 and at <= len(data), path, f"breaks off at element {element}")
    top = int(levels.max(initial=0))
    _must(not header.count or top == header.top_level, path, f"reaches level {top}, not {header.top_level}")
    _must(
        not header.count or levels[header.entry] == top,
        path,
        f"gives the entry point level {levels[header.entry] if header.count else 0}",
    )
    for element, start in starts:
        for level in range(1, int(levels[element]) + 1):
            begin = start + (level - 1) * per_level
            words = np.frombuffer(data, "<u4", 1 + header.most_links, begin)
            number = int(words[0])
            _must(number <= header.most_links, path, f"gives element {element} {number} links")
            near = words[1 : 1 + number]
            _must(
                bool((near < header.count).all()) and bool((levels[near] >= level).all()),
                path,
                f"links element {element} to one that is not on level {level}",
            )
    return levels


def _lengths(path: Path, header: _Header) -> None:
    found = np.fromfile(path, "<f4", header.count)
    _must(len(found) == header.count, path, f"holds {len(found)} lengths of {header.count}")
    with np.errstate(invalid="ignore"):
        _must(bool((np.abs(found - 1) < _UNIT).all()), path, "holds lengths that are not 1")


def _rows(path: Path, header: _Header, dim: int, levels: npt.NDArray[np.int64]) -> set[int]:
    """Check links and vectors of level 0; the labels of what is not deleted."""
    row = np.dtype([("links", "<u4", (1 + header.most_links0,)), ("vector", "<f4", (dim,)), ("label", "<u8")])
    room = path.stat().st_size // row.itemsize
    _must(room >= header.count, path, f"is too short for {header.count} vectors")
    alive: list[npt.NDArray[np.uint64]] = []
    everything: list[npt.NDArray[np.uint64]] = []
    with path.open("rb") as file:
        for at in range(0, header.count, _ROWS):
            rows = np.fromfile(file, row, min(_ROWS, header.count - at))
            words: Links = rows["links"]
            numbers = words[:, 0] & 0xFFFF
            _must(bool((numbers <= header.most_links0).all()), path, "holds more links than there can be")
            used = np.arange(header.most_links0) < numbers[:, None]  # (rows, links)
            _must(bool((words[:, 1:][used] < header.count).all()), path, "holds a link that leads nowhere")
            with np.errstate(over="ignore", invalid="ignore"):
                off = np.abs(np.linalg.norm(rows["vector"], axis=1) - 1)
            _must(bool((off < _UNIT).all()), path, "holds vectors of another length than 1")
            everything.append(rows["label"].copy())
            alive.append(rows["label"][(words[:, 0] & _DELETED) == 0])
    known = np.concatenate(everything) if everything else np.zeros(0, np.uint64)
    _must(len(np.unique(known)) == len(levels), path, "holds a label twice")
    return {int(label) for part in alive for label in part}


def _must(holds: bool, path: Path, otherwise: str) -> None:
    if not holds:
        raise IndexDamaged(f"{path} {otherwise}")
