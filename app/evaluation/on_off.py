"""The same questions with and without reranking: what moved, what broke, what was mended."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass

from app.evaluation.asked import Asked
from app.evaluation.comparison import Difference, compare, crossed
from app.evaluation.report import Figures

EVIDENCE = "right evidence"


@dataclass(frozen=True, slots=True)
class Moved:
    """A judged question whose first relevant document stands elsewhere; rank 0: it is not in the list."""

    id: str
    question: str
    without: int
    reranked: int

    @property
    def rose(self) -> bool:
        """Whether reranking put it further up, or into the list."""
        return self.reranked != 0 and (self.without == 0 or self.reranked < self.without)


@dataclass(frozen=True, slots=True)
class OnOff:
    """``broke``: right evidence was handed to the generator without reranking only; ``mended``: with it only.

    ``differences``: reranked against not reranked, each measure over the same questions.
    """

    differences: tuple[Difference, ...]
    mended: tuple[str, ...]
    broke: tuple[str, ...]
    moved: tuple[Moved, ...]


def on_off(on: Figures, off: Figures) -> OnOff:
    """The comparison; stages before reranking, which are the same in both, are left out of it."""
    final = {name: column for name, column in on.values.items() if not _is_recall(name)}
    mended, broke = crossed(off.values, final, EVIDENCE)
    pairs = zip(on.judged, off.judged, strict=True)
    moved = (_moved(with_it.asked, without.asked) for with_it, without in pairs)
    return OnOff(
        differences=tuple(compare(off.values, final)),
        mended=tuple(mended),
        broke=tuple(broke),
        moved=tuple(each for each in moved if each is not None),
    )


def on_off_json(found: OnOff) -> dict[str, object]:
    """For the result file; the published claim's two rates first."""
    by_name = {each.measure: each for each in found.differences}
    claim: Mapping[str, Difference | None] = {
        "wrong_evidence": by_name.get("wrong evidence"),
        "wrong_answer": by_name.get("wrong answer"),
    }
    return {
        **{
            name: {"without": each.before, "reranked": each.after, "change": asdict(each.change)}
            for name, each in claim.items()
            if each is not None
        },
        "differences": [asdict(each) for each in found.differences],
        "mended": found.mended,
        "broke": found.broke,
        "moved": [[each.id, each.without, each.reranked] for each in found.moved],
    }


def _is_recall(name: str) -> bool:
    return name.startswith(("lexical ", "vector ", "fused ", "reranked "))


def _moved(on: Asked, off: Asked) -> Moved | None:
    if not on.question.judged:
        return None
    without, reranked = first_relevant(off), first_relevant(on)
    if without == reranked:
        return None
    return Moved(on.question.id, on.question.text, without, reranked)


def first_relevant(asked: Asked) -> int:
    """The rank of the first relevant document in the order that passages are chosen from; 0: none."""
    gains = asked.question.gains
    ranked = enumerate(asked.rankings[asked.final], 1)
    return next((rank for rank, (document, _) in ranked if gains.get(document, 0) > 0), 0)
