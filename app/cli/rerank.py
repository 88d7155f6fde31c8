"""``touchstone rerank``: candidates from a file or a pipe, best first."""

import json
import sys
import time
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import BinaryIO

import click
from rich.table import Table

from app.catalogue import say
from app.cli.options import (
    chosen_instruction,
    config_option,
    console,
    preset_option,
    profile_option,
    settings_for,
)
from app.cli.server import RunningServer, say_where
from app.errors import BadRequest, RerankFailed
from app.settings import Settings
from app.spreadsheet import csv_bytes
from app.wiring import build_reranker
from rerank.client import RankedCandidate, Ranking, RerankerClient
from rerank.errors import RerankerUnavailable


@dataclass(frozen=True, slots=True)
class Row:
    """One line of the result; ``rank`` counts from 1, ``original_index`` from 0."""

    rank: int
    original_index: int
    score: float
    text: str
    instruction: str
    model: str
    ms: float


@click.command()
@click.argument("query")
@click.option(
    "--candidates", type=click.File("rb"), default="-", help="File, or - for standard input (the default)."
)
@click.option("--blocks", is_flag=True, help="Candidates are parted by blank lines, not one per line.")
@click.option("--instruction", help="What should be preferred.")
@preset_option
@click.option("--top-n", type=click.IntRange(min=1), help="Show the best N only.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object instead of a table.")
@click.option(
    "--csv", "csv_file", type=click.Path(path_type=Path, dir_okay=False), help="Write a spreadsheet file."
)
@profile_option
@config_option
def rerank(
    query: str,
    candidates: BinaryIO,
    blocks: bool,
    instruction: str | None,
    preset: str | None,
    top_n: int | None,
    as_json: bool,
    csv_file: Path | None,
    profile: str | None,
    config: Path | None,
) -> None:
    """Judge candidates against QUERY and list them, best first."""
    texts = read_candidates(candidates.read(), blocks=blocks)
    if not query.strip():
        raise BadRequest("the query is empty; type one")
    if not texts:
        raise BadRequest("there are no candidates; give one per line, or blocks with --blocks")
    settings = settings_for(config, profile)
    wanted = chosen_instruction(instruction, preset, query)
    wanted = settings.rerank.instruction if wanted is None else wanted
    ranking, ms = _ranking(settings, query, texts, wanted, here=profile is not None)
    rows = [
        Row(rank, each.index, round(each.relevance, 6), each.text, wanted, ranking.model, ms)
        for rank, each in enumerate(ranking[:top_n], start=1)
    ]
    told = [say(notice, "en") for notice in ranking.notices]
    if csv_file is not None:
        write_csv(csv_file, rows)
    if as_json:
        answer = {"results": list(map(asdict, rows)), "notices": told}
        click.echo(json.dumps(answer, ensure_ascii=False, indent=2))
        return
    _print(rows, told, ranking.model, ms)


def read_candidates(data: bytes, *, blocks: bool) -> list[str]:
    """One candidate a line, or a block between blank lines; empty ones are no candidates.

    Raises ``BadRequest`` for bytes that are not UTF-8.
    """
    try:
        lines = data.decode("utf-8-sig").splitlines()
    except UnicodeDecodeError as error:
        raise BadRequest(f"the candidates are not UTF-8 ({error.reason} at byte {error.start})") from error
    if not blocks:
        return [line.strip() for line in lines if line.strip()]
    found: list[list[str]] = [[]]
    for line in lines:
        if line.strip():
            found[-1].append(line)
        elif found[-1]:
            found.append([])
    return ["\n".join(block) for block in found if block]


def write_csv(path: Path, rows: list[Row]) -> None:
    """UTF-8 with a byte order mark (Excel needs it); no cell can begin a formula."""
    cells = ([str(value) for value in asdict(row).values()] for row in rows)
    path.write_bytes(csv_bytes(tuple(Row.__slots__), cells))


def _ranking(
    settings: Settings, query: str, texts: list[str], instruction: str, *, here: bool
) -> tuple[Ranking, float]:
    """Judged by the server on this data directory, where one runs, else (or with ``here``) by ourselves.

    With the milliseconds it took, loading not counted.
    """
    server = None if here else RunningServer.of(settings)
    if server is not None:
        try:
            with _client(server, settings) as client:
                began = time.perf_counter()
                ranking = client.rerank(query, texts, instruction)
        except RerankerUnavailable:
            click.echo(f"(the server at {server.url} does not answer; judging here)", err=True)
        else:
            say_where(server)
            return ranking, _ms_since(began)
    reranker = build_reranker(settings, None)
    began = time.perf_counter()
    judged = reranker.judge(query, texts, instruction, timeout_s=settings.rerank.timeout_s, complete=True)
    ms = _ms_since(began)
    if not judged.identity:
        raise RerankFailed("; ".join(say(notice, "en") for notice in judged.notices))
    ranked = [
        RankedCandidate(i, text, value)
        for i, (text, value) in enumerate(zip(texts, judged.relevance, strict=True))
        if value is not None
    ]
    ranked.sort(key=lambda each: (-each.relevance, each.index))
    return Ranking(ranked, judged.identity, judged.notices), ms


def _client(server: RunningServer, settings: Settings) -> RerankerClient:
    return RerankerClient(server.url, api_key=server.token, timeout_s=settings.rerank.timeout_s)


def _ms_since(began: float) -> float:
    return round((time.perf_counter() - began) * 1000, 1)


def _print(rows: list[Row], told: list[str], model: str, ms: float) -> None:
    table = Table("rank", "original index", "relevance 0..1", "candidate")
    for row in rows:
        table.add_row(str(row.rank), str(row.original_index), f"{row.score:.3f}", row.text)
    out = console()
    out.print(table, markup=False)
    for sentence in told:
        out.print(f"note: {sentence}", markup=False, highlight=False)
    out.print(f"{model}; {ms:.0f} ms", markup=False, highlight=False)
    sys.stdout.flush()
