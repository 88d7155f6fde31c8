"""Run files: the ranking of one stage, in the three columns that evaluation tools read."""

from collections.abc import Sequence
from pathlib import Path

from app.evaluation.asked import Asked
from app.evaluation.stages import STAGES


def write_runs(folder: Path, asked: Sequence[Asked]) -> list[Path]:
    """``<stage>.tsv`` for each stage that ran: query id, document id and score, tab-separated, no header.

    Scores fall strictly within a query, so that any reader finds the order of the product. A question for
    which a stage found nothing has no line.
    """
    folder.mkdir(parents=True, exist_ok=True)
    written = []
    for stage in STAGES:
        rows = [(each.question.id, each.rankings[stage]) for each in asked if stage in each.rankings]
        if not rows:
            continue
        path = folder / f"{stage}.tsv"
        lines = [f"{query}\t{document}\t{score!r}\n" for query, found in rows for document, score in found]
        path.write_text("".join(lines), encoding="utf-8")
        written.append(path)
    return written
