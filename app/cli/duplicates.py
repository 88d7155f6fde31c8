"""The report of ``touchstone collections duplicates`` in lines."""

from collections.abc import Iterator

from app.catalogue import say
from app.duplicates.report import DuplicatesView, SaidView, VersionsView
from app.reports import notice_of

LISTED = 20  # groups printed one by one; --json has all that the report holds


def lines(found: DuplicatesView) -> Iterator[str]:
    """What a person reads: contradictions first, then what stands there more than once."""
    compared = f"{found.compared} of {found.chunks} chunks compared in {found.seconds:.1f} s"
    yield f"collection {found.collection!r}: {compared}"
    for notice in map(notice_of, found.notices):
        yield f"note: {say(notice, 'en')}"
    yield f"{found.versions_found} pairs of documents are versions of one text"
    for pair in found.versions:
        yield from _versions(pair)
    yield f"{found.groups_found} texts stand in several documents"
    for group in found.groups[:LISTED]:
        names = dict.fromkeys(member.document for member in group.members)
        yield f"  {' = '.join(names)}: {_one_line(group.text)}"
    if found.groups_found > LISTED:
        yield f"  ({found.groups_found - LISTED} more not printed; --json)"


def _versions(pair: VersionsView) -> Iterator[str]:
    why = ["names alike"] if pair.names_alike else []
    why.append(f"{pair.shared:.0%} of the chunks near-equal")
    yield f"  {pair.one} | {pair.other} ({', '.join(why)}): {len(pair.contradictions)} contradictions"
    for each in pair.contradictions:
        yield f"    {', '.join(each.kinds)}:"
        yield f"      {pair.one}: {_said(each.one)}"
        yield f"      {pair.other}: {_said(each.other)}"
    if pair.uncompared:
        yield f"    ({pair.uncompared} sentences were too many to compare)"


def _said(said: SaidView) -> str:
    return " ".join(said.text.split())


def _one_line(text: str) -> str:
    words = " ".join(text.split())
    return words if len(words) <= 80 else f"{words[:79]}…"
