"""The stages of one question as spans of a waterfall: which follow each other, and which are parts of one."""

from collections.abc import Mapping

from app.web.charts import Span

PARTS = {"recall": ("embed", "vector", "lexical", "hydrate", "fuse"), "generate": ("first_token",)}
STAGES = ("understand", "recall", "rerank", "select", "generate")
KNOWN = frozenset((*STAGES, *(part for parts in PARTS.values() for part in parts), "total"))


def spans(timings_ms: Mapping[str, float], names: Mapping[str, str]) -> list[Span]:
    """Each stage where the one before it ended, its parts likewise inside it, and the total last.

    Stages run one after the other (``app/answering.py``), and so do the parts of recall
    (``retrieval/recall.py``; ``hydrate`` sums what it takes after each channel); what is missing did not run.
    ``names``: what each is called.
    """
    found: list[Span] = []
    at = 0.0
    for stage in STAGES:
        if stage not in timings_ms:
            continue
        found.append(_span(stage, at, timings_ms, names, inside=False))
        inner = at
        for part in PARTS.get(stage, ()):
            if part in timings_ms:
                found.append(_span(part, inner, timings_ms, names, inside=True))
                inner += timings_ms[part]
        at += timings_ms[stage]
    if "total" in timings_ms:
        found.append(_span("total", 0.0, timings_ms, names, inside=False))
    return found


def _span(
    name: str, start: float, ms: Mapping[str, float], names: Mapping[str, str], *, inside: bool
) -> Span:
    return Span(names[name], start, ms[name], milliseconds(ms[name]), inside)


def milliseconds(value: float) -> str:
    """A duration in words."""
    if value >= 10_000:
        return f"{value / 1000:.1f} s"
    return f"{value:.1f} ms" if value < 10 else f"{value:.0f} ms"
