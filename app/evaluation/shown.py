"""A golden set asked where its documents are: over what its collection shows, down the path of chat."""

import json
from collections.abc import Callable
from dataclasses import asdict, dataclass, replace
from hashlib import sha256

from app.access.principal import LOCAL
from app.answering import Stopped
from app.evaluation.asked import Asked, Options, ask_all
from app.evaluation.golden_set import read_golden_set
from app.evaluation.judged import Judged, judging
from app.evaluation.on_off import first_relevant, on_off, on_off_json
from app.evaluation.questions import EvaluationSet, Half, Question, chosen
from app.evaluation.report import detail
from app.evaluation.result_file import WAYS, Rerank, Way, result_json
from app.evaluation.rows import SetUnreadable
from app.evaluation.run import Plan, measured_of
from app.services import Services
from app.storage.evaluations import QuestionRow

Source = tuple[str, int]
"""A document's id and version."""


@dataclass(frozen=True, slots=True)
class Wanted:
    """How a set is asked; None is what chat would take. ``limit``: a sample of so many questions."""

    rerank: Rerank = "both"
    instruction: str | None = None
    top_k: int | None = None
    generate: bool = True
    half: Half = "all"
    limit: int | None = None

    @property
    def plan(self) -> Plan:
        """The same as a plan."""
        ways = tuple(
            Options(way == "on", self.instruction, self.top_k, self.generate) for way in WAYS[self.rerank]
        )
        return Plan(ways, self.half, self.limit)


@dataclass(frozen=True, slots=True)
class Chosen:
    """The set with the questions that will be asked. ``digest``: of the documents as they were then."""

    found: EvaluationSet
    questions: tuple[Question, ...]
    digest: str


class _Itself(dict[str, str]):
    """Documents are called by their names, those that come while questions are asked as well."""

    def __missing__(self, name: str) -> str:
        return name


def choose(services: Services, set_name: str, collection_id: str, wanted: Wanted) -> Chosen:
    """What will be asked. Raises ``BadRequest`` or ``SetUnreadable`` where that is nothing."""
    found = read_golden_set(services.database, services.blobs, set_name)
    questions = chosen(found.questions, wanted.half, wanted.limit)
    if not questions:
        raise SetUnreadable(f"{set_name}: the half {wanted.half!r} holds no question")
    found = replace(found, ids=_Itself(found.ids))
    return Chosen(found, tuple(questions), digest_of(services, collection_id))


def digest_of(services: Services, collection_id: str) -> str:
    """``EvaluationSet.digest`` of what the collection shows, by the digests that its files are kept under."""
    digest = sha256()
    for each in services.documents.shown(collection_id):
        name = sha256(each.name.encode()).digest()
        digest.update(name + name + bytes.fromhex(each.sha256))
    return digest.hexdigest()


def ask_shown(
    services: Services,
    chosen: Chosen,
    collection_id: str,
    wanted: Wanted,
    *,
    keep: Callable[[list[QuestionRow], set[Source]], None],
    words: bool,
    turn: Callable[[], object],
    stopped: Stopped,
) -> dict[str, object]:
    """Ask every question of the set; the result as `touchstone evaluate --json` writes it.

    Nobody's rights but one's to this collection are used: it finds what is in the collection, and nothing
    else. ``keep`` is given each question once it was asked in every way, with what was read for it;
    ``words``: with the answers. Raises ``Halted``, ``NotFound`` where the collection is gone.
    """
    ways, plan = WAYS[wanted.rerank], wanted.plan
    judge, pending = judging(services, collection_id, chosen.found.ids), list[QuestionRow]()
    sources: set[Source] = set()
    done = 0

    def judged(asked: Asked) -> Judged:
        passages = asked.result.answer.passages
        sources.update((each.chunk.document_id, each.chunk.version) for each in passages)
        found = judge(asked)
        told = {**detail(found), "first_relevant": first_relevant(asked) if asked.question.judged else None}
        if not words:
            told["answer"] = ""
        place, way = done + 1, ways[len(pending)]
        pending.append(_row(place, way, asked.question, told, wiped=not words))
        return found

    def progress(number: int) -> None:
        nonlocal done
        keep(list(pending), set(sources))
        pending.clear()
        sources.clear()
        done = number

    def my_turn() -> None:
        turn()
        services.collections.by_id(collection_id)  # not another one that has its name by now

    found = ask_all(
        services,
        chosen.questions,
        chosen.found.ids,
        services.collections.by_id(collection_id).name,
        plan.ways,
        judged,
        progress,
        principal=replace(LOCAL, only=frozenset((collection_id,))),
        stopped=stopped,
        turn=my_turn,
    )
    measured = measured_of(services, chosen.found, chosen.digest, plan, found, {})
    result = result_json(measured, plan, ways)
    if wanted.rerank == "both":
        result["on_off"] = on_off_json(on_off(*measured.figures))
    result["documents_changed"] = digest_of(services, collection_id) != chosen.digest
    return result


def question_digest(question: Question) -> str:
    """A digest of a question with its labels: equal ones can be held against each other."""
    labels = asdict(question)
    del labels["id"]
    return sha256(json.dumps(labels, ensure_ascii=False, sort_keys=True).encode()).hexdigest()[:32]


def _row(place: int, way: Way, question: Question, told: dict[str, object], *, wiped: bool) -> QuestionRow:
    text = json.dumps(told, ensure_ascii=False)
    return QuestionRow(place, way, question_digest(question), text, wiped)
