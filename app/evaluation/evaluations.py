"""Evaluations as somebody sees them: of the knowledge bases he may write to; others are not there."""

import json
from collections.abc import Sequence
from dataclasses import asdict

from pydantic import JsonValue

from app.access.principal import Principal
from app.access.visible import Visible
from app.catalogue import in_language, say
from app.errors import BadRequest, Conflict, NotFound
from app.evaluation.background import Evaluations
from app.evaluation.comparison import compare, crossed
from app.evaluation.on_off import EVIDENCE
from app.evaluation.shown import Wanted
from app.evaluation.values import Values, unpack
from app.evaluation.views import (
    ComparisonView,
    DifferenceView,
    EvaluationDetail,
    EvaluationView,
    MovedView,
    QuestionView,
)
from app.services import Services
from app.storage.evaluations import EvaluationRow, QuestionRow
from retrieval.types import Language, Notice


class EvaluationDesk:
    """Starts, lists, reads, compares, cancels and deletes. All of it needs the right to write.

    Raises ``NotFound`` for an evaluation of a knowledge base that he may not write to, as for one that is not
    there.
    """

    def __init__(
        self, services: Services, evaluations: Evaluations, principal: Principal, language: Language
    ) -> None:
        self._visible = Visible(services.collections, principal)
        self._evaluations = evaluations
        self._rows = evaluations.rows
        self._language = language

    async def start(self, collection: str, set_name: str, wanted: Wanted) -> EvaluationView:
        """Begin an evaluation. ``set_name``: of a golden set about this collection. See ``Evaluations``."""
        found = self._visible.named(collection, "write")
        return self._view(await self._evaluations.start(found, set_name, wanted))

    def page(self, *, collection: str | None, before: int, limit: int) -> tuple[list[EvaluationView], int]:
        """Newest first, those older than ``before`` (0: all); and where the next page begins, 0 for none."""
        of = (
            self._visible.all("write")
            if collection is None
            else [self._visible.named(collection, "write")]
        )
        rows = self._rows.page([each.id for each in of], before=before, limit=limit + 1)
        more = rows[limit - 1].seq if len(rows) > limit else 0
        return [self._view(row) for row in rows[:limit]], more

    def get(self, evaluation_id: str) -> EvaluationDetail:
        """One with its result."""
        row = self.row(evaluation_id)
        report = self._rows.report(row.id)
        result = json.loads(report) if report else None
        if result is not None:
            result["left_out"] = [in_language(each, self._language) for each in result["left_out"]]
        return EvaluationDetail(**dict(self._view(row)), result=result)

    def questions(self, evaluation_id: str, *, after: int, limit: int) -> tuple[list[QuestionView], int]:
        """Its questions behind a place, and the place behind which the next page begins, 0 for none."""
        row = self.row(evaluation_id)
        found = _by_place(self._rows.questions(row.id, after=after, limit=limit))
        more = after + limit if after + limit < row.done else 0
        return [_question(place, ways) for place, ways in found.items()], more

    def row(self, evaluation_id: str) -> EvaluationRow:
        """One that he may see."""
        row = self._rows.get(evaluation_id)
        if not self._visible.principal.may(row.collection_id, "write"):
            raise NotFound(f"evaluation {evaluation_id!r} does not exist")
        return row

    async def cancel(self, evaluation_id: str) -> None:
        """End it soon; what was asked so far is kept."""
        await self._evaluations.cancel(evaluation_id)

    def remove(self, evaluation_id: str) -> EvaluationView:
        """Delete one that has ended; given back as it was. Raises ``Conflict`` where it has not."""
        row = self.row(evaluation_id)
        if self._evaluations.live(row.id) is not None:
            raise Conflict("the evaluation has not ended; cancel it first")
        self._rows.remove(row.id)
        return self._view(row)

    def compare(self, before_id: str, after_id: str) -> ComparisonView:
        """What changed from one to the other.

        Raises ``Conflict`` where one has no result, ``BadRequest`` where they have no question in common.
        """
        rows = [self.row(before_id), self.row(after_id)]
        reports = [self._report(row) for row in rows]
        asked = [_first(self._rows.questions(row.id)) for row in rows]
        both = [each for each in asked[0] if each in asked[1]]
        same = {each for each in both if asked[0][each].digest == asked[1][each].digest}
        if not same:
            raise BadRequest("the two evaluations have no question in common that is labelled alike in both")
        before, after = (_only(unpack(report["values"]), same) for report in reports)
        mended, broke = crossed(before, after, EVIDENCE)
        common = [each for each in both if each in same]
        moves = (_moved(json.loads(asked[0][e].detail), json.loads(asked[1][e].detail)) for e in common)
        return ComparisonView(
            before=self._view(rows[0]),
            after=self._view(rows[1]),
            same_documents=reports[0]["digest"] == reports[1]["digest"],
            questions=len(same),
            changed=tuple(each for each in both if each not in same),
            only_before=tuple(each for each in asked[0] if each not in asked[1]),
            only_after=tuple(each for each in asked[1] if each not in asked[0]),
            differences=tuple(
                DifferenceView(
                    **{**asdict(each), "change": each.change.mean},
                    low=each.change.low,
                    high=each.change.high,
                    is_better=each.is_better,
                    is_worse=each.is_worse,
                )
                for each in compare(before, after)
            ),
            mended=tuple(mended),
            broke=tuple(broke),
            moved=tuple(each for each in moves if each is not None),
        )

    def _report(self, row: EvaluationRow) -> dict[str, JsonValue]:
        text = self._rows.report(row.id)
        if not text:
            raise Conflict(f"evaluation {row.id!r} has no result: it is {row.state}")
        found: dict[str, JsonValue] = json.loads(text)
        return found

    def view(self, evaluation_id: str) -> EvaluationView:
        """One without its result."""
        return self._view(self.row(evaluation_id))

    def _view(self, row: EvaluationRow) -> EvaluationView:
        live = self._evaluations.live(row.id)
        return EvaluationView(
            id=row.id,
            collection=row.collection,
            golden_set=row.set_name,
            **json.loads(row.options),
            state=row.state,
            total=row.total,
            done=row.done,
            waiting=live is not None and live.progress.waiting,
            code=row.code,
            message=self._message(row),
            created_at=row.created_at,
            started_at=row.started_at,
            ended_at=row.ended_at,
        )

    def _message(self, row: EvaluationRow) -> str:
        if row.code in ("interrupted", "internal"):
            code = "evaluation_interrupted" if row.code == "interrupted" else "error_internal"
            return say(Notice.of(code), self._language)
        return in_language(row.message, self._language)


def _by_place(rows: Sequence[QuestionRow]) -> dict[int, list[QuestionRow]]:
    found: dict[int, list[QuestionRow]] = {}
    for row in rows:
        found.setdefault(row.place, []).append(row)
    return found


def _first(rows: Sequence[QuestionRow]) -> dict[str, QuestionRow]:
    """By the question's id, each as it was asked first: with reranking, unless that was off."""
    return {json.loads(row.detail)["id"]: row for row in rows}  # "on" is the last of a place


def _only(values: Values, questions: set[str]) -> dict[str, dict[str, float]]:
    return {
        measure: {each: value for each, value in column.items() if each in questions}
        for measure, column in values.items()
    }


def _moved(before: dict[str, JsonValue], after: dict[str, JsonValue]) -> MovedView | None:
    ranks = before["first_relevant"], after["first_relevant"]
    if ranks[0] == ranks[1] or not isinstance(ranks[0], int) or not isinstance(ranks[1], int):
        return None
    return MovedView(
        id=str(after["id"]), question=str(after["question"]), before=ranks[0], after=ranks[1]
    )


def _question(place: int, rows: Sequence[QuestionRow]) -> QuestionView:
    ways: dict[str, dict[str, JsonValue]] = {row.way: json.loads(row.detail) for row in rows}
    on, off = ways.get("on"), ways.get("off")
    any_of = on or off or {}
    evidence = ""
    if on is not None and off is not None and on["relevant"] and _right(on) != _right(off):
        evidence = "mended" if _right(on) else "broke"
    return QuestionView(
        place=place,
        id=str(any_of["id"]),
        question=str(any_of["question"]),
        on=on,
        off=off,
        moved=_moved(off, on) if on is not None and off is not None else None,
        evidence=evidence,
        wiped=any(row.wiped for row in rows),
    )


def _right(detail: dict[str, JsonValue]) -> bool:
    """Whether the generator was handed a passage of a relevant document."""
    passages, relevant = detail["passages"], detail["relevant"]
    return isinstance(passages, list) and isinstance(relevant, list) and any(e in relevant for e in passages)
