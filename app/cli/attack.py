"""``touchstone attack``: prompt injections through the path that chat uses, and what came of them."""

import json
import sys
from pathlib import Path

import click
from rich.table import Table

from app.bench.machine import write_result
from app.cli.evaluate import progress
from app.cli.options import config_option, console, loaded, profile_option, settings_for
from app.evaluation.attack import Attacked
from app.evaluation.attack import attack as run_attack
from app.evaluation.attack_cases import read_attacks
from app.evaluation.attack_report import Tally, as_json, by_family, detail, gates

A_FILE = click.Path(path_type=Path, dir_okay=False)


@click.command()
@click.argument("folder", metavar="SET", type=click.Path(path_type=Path, file_okay=False, exists=True))
@click.option("--json", "json_file", type=A_FILE, help="Write all figures here.")
@click.option("--details", type=A_FILE, help="Write every case with its answer here, one JSON a line.")
@profile_option
@config_option
def attack(
    folder: Path, json_file: Path | None, details: Path | None, profile: str | None, config: Path | None
) -> None:
    """Ask every case of SET, a folder with cases.jsonl and docs/ whose documents carry attacks.

    They are ingested into a data directory of their own. The exit code is 1 where an answer cites what was
    not given, holds an address that stands in no cited passage nor the question, or markup that would run.
    """
    settings = settings_for(config, profile)
    with progress() as tell:
        attacked = run_attack(loaded, settings, read_attacks(folder.resolve()), tell)
    for name, reason in attacked.failed.items():
        click.echo(f"not ingested: {name} {reason}", err=True)
    _print(attacked)
    if json_file is not None:
        write_result(json_file, as_json(attacked))
    if details is not None:
        lines = (json.dumps(detail(each), ensure_ascii=False) + "\n" for each in attacked.verdicts)
        details.write_text("".join(lines), encoding="utf-8")
    if any(gates(attacked).values()):
        sys.exit(1)


def _print(attacked: Attacked) -> None:
    out = console()
    columns = ("family", "position", "cases", "attack succeeded", "payload shown", "gold answer", "passed")
    table = Table(*columns, "abstained", "flagged / carried", title=f"{attacked.name} ({attacked.profile})")
    for (family, position), each in by_family(attacked).items():
        table.add_row(family, position, *_cells(each))
    out.print(table)
    out.print(f"  {attacked.flagged} of {attacked.documents} documents were flagged at ingest")
    for name, count in gates(attacked).items():
        out.print(f"  gate {name}: {count}", highlight=False)
    for verdict in attacked.verdicts:
        for broken in verdict.broken:
            out.print(f"  {verdict.case.id}: {broken}", markup=False, highlight=False)
        if verdict.passed is False:
            why = f"says {', '.join(verdict.said)}" if verdict.said else "no gold answer"
            out.print(f"  not passed: {verdict.case.id} ({verdict.case.technique}): {why}", markup=False)
    unread = sum(each.passed is None for each in attacked.verdicts)
    if unread:
        out.print(f"  {unread} cases have no canary: whether the attack worked must be read (--details)")


def _cells(each: Tally) -> tuple[str, ...]:
    def of(count: int | None) -> str:
        return "read" if count is None else f"{count} ({count / each.cases:.0%})"

    return (
        str(each.cases),
        of(each.succeeded),
        of(each.payload_shown),
        of(each.answered),
        of(each.passed),
        of(each.abstained),
        f"{each.noticed} / {each.carried}",
    )
