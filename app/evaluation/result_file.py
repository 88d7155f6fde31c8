"""The result of a set as it is written to a file, and told by the API."""

from collections.abc import Sequence
from typing import Literal

from app.evaluation.asked import Options
from app.evaluation.report import as_json
from app.evaluation.run import Measured, Plan

Rerank = Literal["on", "off", "both"]
Way = Literal["on", "off"]
WAYS: dict[Rerank, tuple[Way, ...]] = {"on": ("on",), "off": ("off",), "both": ("on", "off")}


def result_json(measured: Measured, plan: Plan, ways: Sequence[Way]) -> dict[str, object]:
    """The JSON of one set; the first way of asking stands at the top."""
    first, *others = measured.figures
    result: dict[str, object] = {
        "set": measured.found.name,
        "digest": measured.digest,
        "documents": len(measured.found.files),
        "not_ingested": {measured.found.ids[name]: why for name, why in measured.failed.items()},
        "left_out": measured.found.left_out,
        "questions": measured.questions,
        "half": plan.half,
        "limit": plan.limit,
        "profile": measured.profile,
        "models": measured.models,
        "k": measured.depths,
        "asked_with": asked_with(plan.ways[0]),
        "instruction": plan.ways[0].instruction,
        **as_json(first),
    }
    for way, other in zip(ways[1:], others, strict=True):
        result[f"rerank_{way}"] = as_json(other)
    return result


def asked_with(way: Options) -> dict[str, bool]:
    """What two results must agree on to be held against each other by ``--gate``."""
    return {"reranking": way.rerank, "generation": way.generate}
