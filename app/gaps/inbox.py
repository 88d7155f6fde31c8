"""Gaps as somebody sees them: those over knowledge bases that he may manage, every one of them."""

from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime

from app.access.principal import Principal
from app.catalogue import say
from app.errors import NotFound
from app.gaps.collecting import Collector
from app.gaps.ordering import Order, log_weight, weight
from app.gaps.views import CheckedView, GapList, GapView, ReasonView
from app.result import NoticeView
from app.services import Services
from app.spreadsheet import csv_bytes
from app.storage.gap_askings import Kind, Scope, ids_of
from app.storage.gaps import AskedRow, CheckRow, GapRow, GapRows, State, WordingRow
from retrieval.types import Language, Notice

CATCH_UP_S = 0.3
MOST_NOTE = 2_000  # characters
COLUMNS = (
    "question", "state", "asked", "first_asked_at", "last_asked_at", "kinds", "languages", "collections",
    "best_relevance", "reasons", "feedback", "wordings", "note", "checked_at", "answered_now", "id",
)  # fmt: skip
Guard = Callable[[GapView], object]
"""Raises where a gap is not to be changed."""


@dataclass(frozen=True, slots=True)
class Wanted:
    """Which gaps; None for any. ``collection``: the name of one behind them.

    ``since``, ``kind``: only questions asked then or later, and of that kind, are shown and counted.
    """

    state: State | None = None
    kind: Kind | None = None
    collection: str | None = None
    since: datetime | None = None


@dataclass(frozen=True, slots=True)
class Seen:
    """A gap with those of its questions that are counted."""

    row: GapRow
    asked: tuple[AskedRow, ...]
    log_weight: float


class Inbox:
    """Lists, changes and writes out gaps. One that he does not manage wholly is not there (``NotFound``)."""

    def __init__(
        self,
        services: Services,
        principal: Principal,
        collector: Collector,
        now: Callable[[], datetime],
        *,
        catch_up_s: float = CATCH_UP_S,
    ) -> None:
        """``catch_up_s``: seconds that a list may take for what was asked since."""
        self.services = services
        self.principal = principal
        self.rows = GapRows(services.database, now=now)
        self._collector = collector
        self._now = now
        self._catch_up_s = catch_up_s
        self._names = services.collections.names()

    def page(
        self, wanted: Wanted, order: Order, language: Language, *, after: tuple[float, str] | None, limit: int
    ) -> tuple[GapList, tuple[float, str] | None]:
        """Gaps behind a place in that order, and the place of the next page; ``next_cursor`` is left out."""
        notices = self._collector.catch_up(self._catch_up_s)
        seen = self._seen()
        found = sorted(((_place(each, order), each) for each in self._fitting(seen, wanted)), key=_first)
        behind = [each for each in found if after is None or each[0] > after]
        shown = behind[:limit]
        listed = GapList(
            data=tuple(self._views([each for _, each in shown])),
            next_cursor=None,
            total=len(found),
            open=sum(each.row.state == "open" for each in seen),
            notices=tuple(NoticeView(code=each.code, text=say(each, language)) for each in notices),
        )
        return listed, shown[-1][0] if len(behind) > limit else None

    def get(self, gap_id: str) -> Seen:
        """One gap. Raises ``NotFound``."""
        row = self.rows.get(gap_id)
        asked = self.rows.asked(gap_id) if self._manages(row.scope) else []
        if not asked:
            raise NotFound(f"gap {gap_id!r} is not there")
        return _of(row, asked)

    def view(self, seen: Seen) -> GapView:
        """A gap for JSON."""
        return self._views([seen])[0]

    def change(self, gap_id: str, *, state: State | None, note: str | None, guard: Guard) -> GapView:
        """Set its state or note, written to the audit log (the state; never the note)."""
        with self.services.database.transaction():
            before = self.get(gap_id)
            guard(self.view(before))
            row = self.rows.change(gap_id, state=state, note=note)
            what = "state" if state is not None else "note"
            self.services.accounts.audit.note(
                self.principal, "gap_change", gap_id, details={"what": what, "state": row.state}
            )
            return self.view(self.get(gap_id))

    def csv(self, wanted: Wanted, order: Order) -> tuple[bytes, tuple[Notice, ...]]:
        """All of them as CSV: UTF-8 with a byte order mark, no cell a formula; and what is not in it yet."""
        notices = self._collector.catch_up(self._catch_up_s)
        seen = sorted(self._fitting(self._seen(), wanted), key=lambda each: _place(each, order))
        rows = []
        for each, view in zip(seen, self._views(seen), strict=True):
            words = self.rows.wordings([one.wording_id for one in each.asked])
            rows.append(_cells(view, each, words))
        return csv_bytes(COLUMNS, rows), notices

    def names(self, scope: Scope) -> tuple[str, ...]:
        """The names of the knowledge bases of a scope that are there."""
        return tuple(sorted(self._names[each] for each in ids_of(scope) if each in self._names))

    def _seen(self) -> list[Seen]:
        """Every gap that he sees, of at least one knowledge base that is still there."""
        every = self.rows.asked()
        gaps = {each.id: each for each in self.rows.all()}  # read last: none of the above is without its gap
        his = {each for each in {each.scope for each in gaps.values()} if self._manages(each)}
        asked: dict[str, list[AskedRow]] = {}
        for each in every:
            gap = gaps.get(each.gap_id)
            if gap is not None and gap.scope in his:
                asked.setdefault(gap.id, []).append(each)
        return [_of(gaps[each], listed) for each, listed in asked.items()]

    def _fitting(self, seen: Iterable[Seen], wanted: Wanted) -> list[Seen]:
        fitting = []
        for each in seen:
            if wanted.state not in (None, each.row.state):
                continue
            if wanted.collection is not None and wanted.collection not in self.names(each.row.scope):
                continue
            asked = [
                one
                for one in each.asked
                if (wanted.kind is None or wanted.kind in one.kinds)
                and (wanted.since is None or one.asked_at >= wanted.since)
            ]
            if asked:
                fitting.append(each if len(asked) == len(each.asked) else _of(each.row, asked))
        return fitting

    def _manages(self, scope: Scope) -> bool:
        """All of them: a question over two knowledge bases may tell of either."""
        ids = ids_of(scope)
        may = self.principal.may
        return any(each in self._names for each in ids) and all(may(each, "manage") for each in ids)

    def _views(self, seen: Sequence[Seen]) -> list[GapView]:
        wordings = self.rows.wordings([one.wording_id for each in seen for one in each.asked])
        checks: dict[str, list[CheckRow]] = {}
        for check in self.rows.checks([each.row.id for each in seen]).values():
            checks.setdefault(check.gap_id, []).append(check)
        return [self._view(each, wordings, checks.get(each.row.id, [])) for each in seen]

    def _view(self, seen: Seen, wordings: dict[str, WordingRow], checks: Sequence[CheckRow]) -> GapView:
        row, asked = seen.row, seen.asked
        here = {each.wording_id for each in asked}
        counts = Counter(each.wording_id for each in asked)
        latest = {each.wording_id: each.asked_at for each in sorted(asked, key=_asked_at)}
        chosen = wordings[max(here, key=lambda each: (counts[each], latest[each], each))]
        reasons = Counter(reason for each in asked for reason in each.reasons)
        checked = [each for each in checks if each.wording_id in here]
        ids = ids_of(row.scope)
        return GapView(
            id=row.id,
            question=chosen.text,
            language=chosen.language,
            languages=tuple(sorted({wordings[each].language for each in here})),
            collections=self.names(row.scope),
            gone=sum(each not in self._names for each in ids),
            kinds=tuple(sorted({kind for each in asked for kind in each.kinds})),
            wordings=len(here),
            asked=len({each.place for each in asked}),
            weight=round(weight(seen.log_weight, self._now()), 3),
            first_asked_at=min(each.asked_at for each in asked),
            last_asked_at=max(each.asked_at for each in asked),
            best_relevance=max(
                (each.relevance for each in asked if each.relevance is not None), default=None
            ),
            reasons=tuple(
                ReasonView(reason=reason, count=count)
                for reason, count in sorted(reasons.items(), key=lambda each: (-each[1], each[0]))
            ),
            state=row.state,
            reopened=row.state == "open" and row.reopened_at is not None,
            note=row.note,
            checked=CheckedView(
                wordings=len(checked),
                answered=sum(each.outcome == "answered" for each in checked),
                checked_at=max(each.checked_at for each in checked),
            )
            if checked
            else None,
        )


def _of(row: GapRow, asked: Sequence[AskedRow]) -> Seen:
    times = {each.place: each.asked_at for each in asked}
    return Seen(row, tuple(asked), log_weight(times.values()))


def _place(seen: Seen, order: Order) -> tuple[float, str]:
    """Where a gap stands: smaller comes first, ties by id."""
    if order == "asked":
        return -float(len({each.place for each in seen.asked})), seen.row.id
    if order == "latest":
        return -max(each.asked_at for each in seen.asked).timestamp(), seen.row.id
    return -round(seen.log_weight, 9), seen.row.id


def _first(pair: tuple[tuple[float, str], Seen]) -> tuple[float, str]:
    return pair[0]


def _asked_at(asked: AskedRow) -> tuple[datetime, int]:
    return asked.asked_at, asked.seq


def _cells(view: GapView, seen: Seen, wordings: dict[str, WordingRow]) -> tuple[str, ...]:
    checked = view.checked
    return (
        view.question,
        view.state,
        str(view.asked),
        view.first_asked_at.isoformat(),
        view.last_asked_at.isoformat(),
        ", ".join(view.kinds),
        ", ".join(view.languages),
        ", ".join(view.collections),
        "" if view.best_relevance is None else f"{view.best_relevance:.4f}",
        ", ".join(f"{each.reason} {each.count}" for each in view.reasons),
        "\n".join(each.text for each in seen.asked if each.text),
        "\n".join(each.text for each in wordings.values()),
        view.note,
        "" if checked is None else checked.checked_at.isoformat(),
        "" if checked is None else f"{checked.answered}/{view.wordings}",
        view.id,
    )
