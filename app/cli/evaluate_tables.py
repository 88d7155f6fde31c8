"""What an evaluation prints."""

from collections.abc import Iterable, Sequence

from rich.console import Console
from rich.table import Table

from app.evaluation.answers import is_wrong
from app.evaluation.calibration import Calibration
from app.evaluation.comparison import Difference
from app.evaluation.intervals import Interval
from app.evaluation.on_off import OnOff
from app.evaluation.report import Figures
from app.evaluation.retrieval_measures import MEASURES, StageFigures
from app.evaluation.run import Measured
from app.evaluation.stages import Stage

LISTED = 10  # questions that reranking broke, by name


def print_measured(measured: Measured, ways: Sequence[str], console: Console) -> None:
    """The figures of a set, with 95 % intervals; ``ways`` names each way of asking."""
    for way, found in zip(ways, measured.figures, strict=True):
        title = f"{measured.found.name} ({measured.profile}, reranking {way})"
        table = Table("questions", "stage", *MEASURES, title=title)
        for stage, each in found.stages.items():
            if found is measured.figures[0] or stage == "fused":  # the others are the same in both
                table.add_row(str(each.queries), stage, *_cells(each))
        for kind, stages in found.kinds.items():
            last: Stage = "reranked" if "reranked" in stages else "fused"
            table.add_row(f"{stages[last].queries} {kind}", last, *_cells(stages[last]))
        console.print(table)
        for line in _lines(found):
            console.print(f"  {line}", markup=False, highlight=False, soft_wrap=True)


def print_differences(title: str, differences: Sequence[Difference], console: Console) -> None:
    """Measures before and after, with the paired interval of the change."""
    table = Table("measure", "questions", "before", "after", "change", "better", "worse", "", title=title)
    for each in differences:
        verdict = "worse" if each.is_worse else "better" if each.is_better else ""
        low, high = each.change.low, each.change.high
        table.add_row(
            each.measure,
            str(each.questions),
            f"{each.before:.1%}",
            f"{each.after:.1%}",
            f"{each.change.mean:+.3f} [{low:+.3f}, {high:+.3f}]",
            str(each.better),
            str(each.worse),
            verdict,
        )
    console.print(table)


def print_on_off(name: str, found: OnOff, console: Console) -> None:
    """Without reranking (before) and with it (after), and the questions that lost their evidence by it."""
    print_differences(f"{name}: without reranking (before), reranked (after)", found.differences, console)
    rose = sum(each.rose for each in found.moved)
    console.print(
        f"  right evidence: mended {len(found.mended)}, broke {len(found.broke)}; the first relevant "
        f"document rose for {rose} questions and fell for {len(found.moved) - rose}"
    )
    texts = {each.id: each for each in found.moved}
    for broken in found.broke[:LISTED]:
        moved = texts.get(broken)
        where = f"rank {moved.without} → {moved.reranked}: {moved.question}" if moved else "below the floor"
        console.print(f"    broke {broken}: {where}", markup=False, highlight=False, soft_wrap=True)
    if len(found.broke) > LISTED:
        console.print(f"    and {len(found.broke) - LISTED} more (--json lists them)")


def print_calibration(found: Calibration, collection: str, console: Console, *, stored: bool) -> None:
    """The floor that was found, and what it does on questions it has not seen."""
    console.print(
        f"  floor for {found.reranker} on {found.questions} questions: {found.floor:.4f} (so far "
        f"{found.present_floor:.4f}); balanced accuracy {found.cross_validated:.3f} cross-validated, "
        f"{found.fitted:.3f} fitted, {found.present:.3f} so far "
        f"(change {found.gain.mean:+.3f} [{found.gain.low:+.3f}, {found.gain.high:+.3f}])",
        markup=False,
        highlight=False,
        soft_wrap=True,
    )
    console.print(
        f"  in force for collection {collection!r} from now on"
        if stored
        else f"  not put into force for {collection!r}: no significant gain on questions it has not seen",
        markup=False,
        highlight=False,
        soft_wrap=True,
    )


def print_answers(measured: Measured, show: str, console: Console) -> None:
    """Questions with their answers: all of them, or those answered wrongly or refused for nothing."""
    for judged in measured.figures[0].judged if show != "none" else ():
        each = judged.asked
        question, answer = each.question, each.result.answer
        refused_for_nothing = question.answerable and not question.vague and answer.outcome == "abstained"
        if show == "wrong" and not (is_wrong(each) or refused_for_nothing):
            continue
        cites = ", ".join(f"{c.document} {list(c.pages)}" for c in answer.citations) or "nothing"
        lines = f"{question.id} [{question.kind}] {question.text}\n    {answer.outcome}; cites {cites}"
        console.print(f"{lines}\n    {answer.text}", markup=False, highlight=False, soft_wrap=True)


def _lines(found: Figures) -> Iterable[str]:
    if found.handed:
        shares = ", ".join(f"{name} {_interval(each)}" for name, each in found.handed.items())
        yield f"handed to the generator: {shares}"
    refusal = found.refusal
    if refusal.unanswerable:
        floors = ", ".join(f"{floor:.2f}" for floor in refusal.floors) or "none"
        yield (
            f"refusal, {refusal.answerable} answerable and {refusal.unanswerable} not, floor {floors}: "
            f"balanced accuracy {_interval(refusal.balanced_accuracy)}, "
            f"precision {_interval(refusal.precision)}, recall {_interval(refusal.recall)}, "
            f"AUC {_number(refusal.auc)}"
        )
    if found.citations:
        cited = found.citations
        yield (
            f"citations, {cited.citations} in all: right document {_interval(cited.document)}, "
            f"right page {_interval(cited.page)}, right words {_interval(cited.words)}, "
            f"of all citations right {_number(cited.precision)}, word for word {_number(cited.exact)}"
        )
    if found.answers:
        answers = found.answers
        yield (
            f"answers: right {_interval(answers.right)}, F1 {_interval(answers.f1)}, "
            f"wrong {_interval(answers.wrong)}, asked back {_number(answers.asked_back)}"
        )


def _cells(found: StageFigures) -> list[str]:
    return [_interval(found.measures[name]) for name in MEASURES]


def _interval(value: Interval | None) -> str:
    """As .824 .79–.85: a table of eight has to fit."""
    if value is None:
        return "–"
    low, high = (f"{end:.2f}".removeprefix("0") for end in (value.low, value.high))
    return f"{value.mean:.3f} {low}–{high}".removeprefix("0")


def _number(value: float | None) -> str:
    return "–" if value is None else f"{value:.3f}"
