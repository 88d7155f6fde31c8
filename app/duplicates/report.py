"""Near-duplicates and contradicting versions of a whole collection, in bounded time."""

import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from itertools import combinations

from app.duplicates.contradictions import Contradiction, Kind, Said, contradictions
from app.duplicates.names import key
from app.duplicates.near import Near, groups, near_pairs, stacked
from app.duplicates.signatures import SHORTEST, Signature, plain, shingles, signature
from app.reports import FileNoticeView, notice_view
from app.result import View
from app.storage.duplicates import ChunkText
from retrieval.types import Chunk, Notice

BUDGET_S = 60.0
READING = 0.7  # share of the time for reading chunks; the rest is for comparing versions
MOST_SHARED = 0.5  # of a document's chunks, near-equal to another's: then the two are versions of one text
LISTED = 200  # groups, and pairs of versions, that a report holds
_WIDESPREAD = 40  # documents that share one text, beyond which the text says nothing about pairs of them
Monotonic = Callable[[], float]


class MemberView(View):
    """A chunk of a group; ``similarity``: with the group's first, 0..1, null where only others link them."""

    chunk_id: str
    document_id: str
    document: str
    similarity: float | None


class GroupView(View):
    """Near-equal chunks of several documents; ``text`` is the first's. Similarities are estimates (±0.03)."""

    text: str
    members: tuple[MemberView, ...]


class SaidView(View):
    """A sentence, and where it stands in its document's text."""

    text: str
    chunk_id: str
    start: int
    end: int
    heading: str


class ContradictionView(View):
    """Two sentences that say the same of different numbers, dates or amounts, or the opposite."""

    kinds: tuple[Kind, ...]
    one: SaidView
    other: SaidView
    one_values: tuple[str, ...]
    other_values: tuple[str, ...]


class VersionsView(View):
    """Two documents that are versions of one text, by their names or by the chunks they share.

    ``shared``: near-equal chunks as a share of the smaller document's. ``uncompared``: sentences that there
    were too many of.
    """

    one: str
    other: str
    names_alike: bool
    shared: float
    contradictions: tuple[ContradictionView, ...]
    uncompared: int


class DuplicatesView(View):
    """What was found; ``groups_found`` and ``versions_found`` count what is not listed, too."""

    collection: str
    made_at: datetime
    seconds: float
    chunks: int
    compared: int
    groups_found: int
    groups: tuple[GroupView, ...]
    versions_found: int
    versions: tuple[VersionsView, ...]
    notices: tuple[FileNoticeView, ...]


@dataclass(slots=True)
class _Read:
    """Chunks as they are compared: texts equal but for layout are one row with several members."""

    rows: list[list[ChunkText]] = field(default_factory=list)
    signatures: list[Signature] = field(default_factory=list)
    chunks_of: dict[str, int] = field(default_factory=dict)  # comparable chunks by document id
    names: dict[str, tuple[str, str]] = field(default_factory=dict)
    total: int = 0
    short: int = 0
    unread: int = 0


def survey(
    texts: Iterable[ChunkText],
    chunks_of: Callable[[str], Sequence[Chunk]],
    *,
    collection: str,
    made_at: datetime,
    stopped: Callable[[], bool] = lambda: False,
    budget_s: float = BUDGET_S,
    monotonic: Monotonic = time.monotonic,
) -> DuplicatesView:
    """Look through a collection. What there was no time for is told in notices."""
    began = monotonic()
    read = _read(texts, lambda: stopped() or monotonic() - began > READING * budget_s)
    near = near_pairs(stacked(read.signatures))
    found = _groups(read, near)
    notices = [Notice.of("duplicates_short", count=read.short, characters=SHORTEST)] if read.short else []
    if read.unread:
        notices.append(Notice.of("duplicates_partial", compared=read.total - read.unread, total=read.total))
    if near.crowded:
        notices.append(Notice.of("duplicates_crowded", count=near.crowded))
    shared = _shared(read, near)
    candidates = _versions(read, shared)
    versions = []
    for at, (one, other, alike, share) in enumerate(candidates):
        if at == LISTED or stopped() or monotonic() - began > budget_s:
            notices.append(Notice.of("versions_partial", compared=at, total=len(candidates)))
            break
        told, uncompared = contradictions(chunks_of(one), chunks_of(other))
        versions.append(
            VersionsView(
                one=read.names[one][0],
                other=read.names[other][0],
                names_alike=alike,
                shared=round(share, 3),
                contradictions=tuple(map(_contradiction_view, told)),
                uncompared=uncompared,
            )
        )
    if len(found) > LISTED:
        notices.append(Notice.of("duplicates_listed", listed=LISTED, total=len(found)))
    versions.sort(key=lambda each: (-len(each.contradictions), each.one, each.other))
    return DuplicatesView(
        collection=collection,
        made_at=made_at,
        seconds=round(monotonic() - began, 3),
        chunks=read.total,
        compared=read.total - read.unread - read.short,
        groups_found=len(found),
        groups=tuple(found[:LISTED]),
        versions_found=len(candidates),
        versions=tuple(versions),
        notices=tuple(map(notice_view, notices)),
    )


def _read(texts: Iterable[ChunkText], late: Callable[[], bool]) -> _Read:
    read = _Read()
    row_of: dict[str, int] = {}
    for each in texts:
        read.total += 1
        read.names[each.document_id] = (each.document, each.title)
        if read.unread or (read.total % 100 == 0 and late()):
            read.unread += 1
            continue
        words = plain(each.text)
        if len(words) < SHORTEST:
            read.short += 1
            continue
        read.chunks_of[each.document_id] = read.chunks_of.get(each.document_id, 0) + 1
        if words in row_of:
            read.rows[row_of[words]].append(each)
            continue
        row_of[words] = len(read.rows)
        read.rows.append([each])
        read.signatures.append(signature(shingles(words)))
    return read


def _groups(read: _Read, near: Near) -> list[GroupView]:
    """Groups over several documents, largest first."""
    similarity = dict(zip(near.pairs, near.similarities, strict=True))
    linked = groups(len(read.rows), near.pairs)
    alone = {i for i, members in enumerate(read.rows) if len(members) > 1} - {i for g in linked for i in g}
    found = []
    for rows in [*linked, *([i] for i in sorted(alone))]:
        members = tuple(
            MemberView(
                chunk_id=each.id,
                document_id=each.document_id,
                document=each.document,
                similarity=1.0 if row == rows[0] else _rounded(similarity.get((rows[0], row))),
            )
            for row in rows
            for each in read.rows[row]
        )
        if len({each.document_id for each in members}) > 1:
            found.append(GroupView(text=read.rows[rows[0]][0].text, members=members))
    return sorted(found, key=lambda each: (-len(each.members), each.members[0].chunk_id))


def _shared(read: _Read, near: Near) -> dict[tuple[str, str], float]:
    """For pairs of documents (ids in order) with near-equal chunks, their share of the smaller one."""
    matched: dict[tuple[str, str], tuple[set[str], set[str]]] = {}
    for i, j in (*((row, row) for row in range(len(read.rows))), *near.pairs):
        if len({each.document_id for each in read.rows[i] + read.rows[j]}) > _WIDESPREAD:
            continue
        together = combinations(read.rows[i], 2) if i == j else _across(read.rows[i], read.rows[j])
        for a, b in together:
            if a.document_id == b.document_id:
                continue
            one, other = sorted((a, b), key=lambda each: each.document_id)
            sides = matched.setdefault((one.document_id, other.document_id), (set(), set()))
            sides[0].add(one.id)
            sides[1].add(other.id)
    shares = {}
    for (one_id, other_id), (ones, others) in matched.items():
        shares[one_id, other_id] = max(
            len(side) / read.chunks_of[document]
            for side, document in ((ones, one_id), (others, other_id))
            if read.chunks_of[document] == min(read.chunks_of[one_id], read.chunks_of[other_id])
        )
    return shares


def _across(ones: list[ChunkText], others: list[ChunkText]) -> Iterable[tuple[ChunkText, ChunkText]]:
    return ((a, b) for a in ones for b in others)


def _versions(read: _Read, shared: dict[tuple[str, str], float]) -> list[tuple[str, str, bool, float]]:
    """Pairs of documents that are versions of one text: (older name first, names alike, share)."""
    alike: set[tuple[str, str]] = set()
    for which in (0, 1):
        called: dict[str, list[str]] = {}
        for document_id, names in read.names.items():
            called.setdefault(key(names[which]), []).append(document_id)
        for name, same in called.items():
            if name and len(same) <= _WIDESPREAD:
                alike.update(combinations(sorted(same), 2))
    pairs = alike | {pair for pair, share in shared.items() if share >= MOST_SHARED}
    named = []
    for pair in pairs:
        one, other = sorted(pair, key=lambda each: (read.names[each][0], each))
        named.append((one, other, pair in alike, shared.get(pair, 0.0)))
    return sorted(named, key=lambda each: (-each[3], read.names[each[0]][0], read.names[each[1]][0]))


def _contradiction_view(found: Contradiction) -> ContradictionView:
    return ContradictionView(
        kinds=found.kinds,
        one=_said_view(found.one),
        other=_said_view(found.other),
        one_values=found.one_values,
        other_values=found.other_values,
    )


def _said_view(said: Said) -> SaidView:
    return SaidView(
        text=said.text, chunk_id=said.chunk_id, start=said.start, end=said.end, heading=said.heading
    )


def _rounded(value: float | None) -> float | None:
    return None if value is None else round(value, 3)
