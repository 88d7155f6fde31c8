"""``touchstone ask``: one question, its cited answer, and on request every stage that led to it."""

import json
import sys
from pathlib import Path

import click
from rich.console import Console
from rich.table import Table

from app.answering import Sources, Stage
from app.cli.options import config_option, console, loaded, profile_option, settings_for
from app.result import Result, ResultView, result_view
from generation.types import Delta


@click.command()
@click.argument("question")
@click.option("--collection", help="Search this knowledge base only (default: all of them).")
@click.option("--instruction", help="What the reranker should prefer, for this question.")
@click.option("--no-rerank", is_flag=True, help="Leave the order of recall, for comparison.")
@click.option("--top-k", type=click.IntRange(1, 1000), help="K: candidates handed to the reranker.")
@click.option("--top-n", type=click.IntRange(1, 50), help="N: passages handed to the generator.")
@click.option("--explain", is_flag=True, help="Show every stage: ranks, scores, milliseconds.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object instead.")
@profile_option
@config_option
def ask(
    question: str,
    collection: str | None,
    instruction: str | None,
    no_rerank: bool,
    top_k: int | None,
    top_n: int | None,
    explain: bool,
    as_json: bool,
    profile: str | None,
    config: Path | None,
) -> None:
    """Ask a question and read the answer with its citations."""
    with loaded(settings_for(config, profile)) as services:
        request = services.ask(
            question,
            collection=collection,
            instruction=instruction,
            rerank=not no_rerank,
            top_k=top_k,
            top_n=top_n,
        )
        result: Result | None = None
        streamed = ""
        for event in services.answering.ask(request, lambda: False):
            if isinstance(event, Delta) and not as_json:
                sys.stdout.write(event.text)
                sys.stdout.flush()
                streamed += event.text
            elif isinstance(event, Result):
                result = event
            elif not isinstance(event, (Stage, Sources, Delta)):
                raise TypeError(f"unknown event {event!r}")
        if result is None:
            raise RuntimeError("the answering path ended without a result")
    view = result_view(result)
    if as_json:
        click.echo(json.dumps(view.model_dump(mode="json"), ensure_ascii=False, indent=2))
        return
    if streamed != view.answer:  # marks that pointed nowhere were taken out, or nothing was streamed
        click.echo(("\n\n" if streamed else "") + view.answer, nl=False)
    click.echo("\n")
    out = console()
    _print_sources(view, out)
    if explain:
        _print_stages(view, out)


def _print_sources(view: ResultView, console: Console) -> None:
    for citation in view.citations:
        place = ", ".join(
            part
            for part in (
                citation.document,
                "p. " + _span(citation.pages) if citation.pages else "",
                " › ".join(citation.headings),
            )
            if part
        )
        console.print(f"[{citation.number}] {place}", markup=False, highlight=False)
        console.print(f"    “{citation.quote}”", markup=False, highlight=False)
    for notice in view.notices:
        console.print(f"note: {notice.text}", markup=False, highlight=False)
    names = " · ".join(
        name for name in (view.models.embedder, view.models.reranker, view.models.generator) if name
    )
    console.print(
        f"profile {view.profile}: {names}; {view.timings_ms['total']:.0f} ms", markup=False, highlight=False
    )


def _print_stages(view: ResultView, console: Console) -> None:
    table = Table(
        "rerank",
        "recall",
        "vector",
        "lexical",
        "relevance 0..1",
        "cosine -1..1",
        "BM25 ≥0",
        "passage",
        "document",
        "heading",
    )
    for candidate in view.candidates:
        table.add_row(
            _text(candidate.ranks.rerank),
            _text(candidate.ranks.fused),
            _text(candidate.ranks.vector),
            _text(candidate.ranks.lexical),
            _text(candidate.relevance),
            _text(candidate.scores.vector),
            _text(candidate.scores.lexical),
            _text(candidate.passage),
            candidate.document,
            candidate.headings[-1] if candidate.headings else "",
        )
    console.print(table, markup=False)
    console.print(
        "milliseconds: " + ", ".join(f"{name} {ms:.1f}" for name, ms in view.timings_ms.items()),
        markup=False,
        highlight=False,
    )


def _text(value: float | None) -> str:
    if value is None:
        return "–"
    return f"{value:.3f}" if isinstance(value, float) else str(value)


def _span(pages: tuple[int, ...]) -> str:
    return str(pages[0]) if len(pages) == 1 else f"{pages[0]}–{pages[-1]}"
