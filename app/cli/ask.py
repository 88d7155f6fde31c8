"""``touchstone ask``: one question, its cited answer, and on request every stage that led to it."""

import json
import sys
from collections.abc import Iterator
from dataclasses import asdict, dataclass, replace
from datetime import UTC, datetime
from pathlib import Path

import click
from rich.console import Console
from rich.table import Table

from app.access.assistants import VisibleAssistants
from app.access.principal import LOCAL
from app.cli.database import database_of
from app.cli.options import (
    chosen_instruction,
    config_option,
    console,
    loaded,
    preset_option,
    profile_option,
    settings_for,
)
from app.cli.server import RunningServer, say_where
from app.conversation import MOST_EXCHANGES
from app.errors import DataDirectoryLocked
from app.result import Result, ResultView, result_view
from app.settings import Settings
from app.storage.assistants import AssistantRows
from generation.types import Delta
from retrieval.types import Exchange


@click.command()
@click.argument("question")
@click.option("--collection", help="Search this knowledge base only (default: all of them).")
@click.option("--assistant", help="Ask this assistant, in place of a knowledge base.")
@click.option("--instruction", help="What the reranker should prefer, for this question.")
@preset_option
@click.option("--no-rerank", is_flag=True, help="Leave the order of recall, for comparison.")
@click.option("--top-k", type=click.IntRange(1, 1000), help="K: candidates handed to the reranker.")
@click.option("--top-n", type=click.IntRange(1, 50), help="N: passages handed to the generator.")
@click.option(
    "--after",
    multiple=True,
    metavar="QUESTION",
    help="A question asked before, which this one follows up; several: the earliest first.",
)
@click.option("--explain", is_flag=True, help="Show every stage: ranks, scores, milliseconds.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object instead.")
@profile_option
@config_option
def ask(
    question: str,
    collection: str | None,
    assistant: str | None,
    instruction: str | None,
    preset: str | None,
    no_rerank: bool,
    top_k: int | None,
    top_n: int | None,
    after: tuple[str, ...],
    explain: bool,
    as_json: bool,
    profile: str | None,
    config: Path | None,
) -> None:
    """Ask a question and read the answer with its citations."""
    instruction = chosen_instruction(instruction, preset, question)
    if assistant is not None:
        assistant = _id_of(assistant, settings_for(config))
    if len(after) > MOST_EXCHANGES:
        raise click.UsageError(f"--after was given {len(after)} times; at most {MOST_EXCHANGES} are read")
    history = tuple(Exchange(each, "") for each in after)
    asked = Question(question, collection, assistant, instruction, not no_rerank, top_k, top_n, history)
    view: ResultView | None = None
    streamed = ""
    for piece in _pieces(asked, settings_for(config, profile)):
        if isinstance(piece, ResultView):
            view = piece
        elif not as_json:
            sys.stdout.write(piece.text)
            sys.stdout.flush()
            streamed += piece.text
    if view is None:
        raise RuntimeError("the answering path ended without a result")
    if as_json:
        click.echo(json.dumps(view.model_dump(mode="json"), ensure_ascii=False, indent=2))
        return
    if streamed != view.answer:  # marks that pointed nowhere were taken out, or nothing was streamed
        click.echo(("\n\n" if streamed else "") + view.answer, nl=False)
    click.echo("\n")
    out = console()
    _print_offers(view, out)
    _print_sources(view, out)
    if explain:
        _print_stages(view, out)


@dataclass(frozen=True, slots=True)
class Question:
    """What was asked on the command line."""

    question: str
    collection: str | None
    assistant: str | None
    instruction: str | None
    rerank: bool
    top_k: int | None
    top_n: int | None
    history: tuple[Exchange, ...]


def _pieces(asked: Question, settings: Settings) -> Iterator[Delta | ResultView]:
    """The answer as it is written, here or at the server that owns the data directory; the result last."""
    fields = asdict(asked)
    try:
        with loaded(settings) as services:
            alone = {name: fields[name] for name in ("assistant", "instruction", "rerank", "top_k", "top_n")}
            named = () if asked.collection is None else (asked.collection,)
            request = services.ask(asked.question, principal=LOCAL, collections=named, **alone)
            request = replace(request, history=asked.history)
            for event in services.answering.ask(request, lambda: False):
                if isinstance(event, Delta):
                    yield event
                elif isinstance(event, Result):
                    yield result_view(services.caretaker.answers.keep(event, owner=LOCAL.id))
    except DataDirectoryLocked:
        server = RunningServer.of(settings)
        if server is None:
            raise
        say_where(server)
        yield from server.ask(asdict(asked))


def _id_of(name: str, settings: Settings) -> str:
    with database_of(settings) as (database, _):
        rows = AssistantRows(database, now=lambda: datetime.now(UTC))
        return VisibleAssistants(rows, LOCAL).named(name).id


def _print_offers(view: ResultView, console: Console) -> None:
    for offer in view.offers:
        told = f"approved answer of {offer.owner.name}, valid until {offer.expires_on}: {offer.question}"
        console.print(told, markup=False, highlight=False)
        console.print(offer.answer, markup=False, highlight=False)
        if offer.note:
            console.print(f"internal: {offer.note}", markup=False, highlight=False)


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
