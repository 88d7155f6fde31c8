"""``touchstone doctor``: is everything as it should be, on this machine and in this data directory?"""

import json
import sys
from collections.abc import Iterable, Iterator
from pathlib import Path

import click

from app.care.findings import Diagnosis, FindingView
from app.checks import Check, disk, inside
from app.cli.caring import ServerCare, caring, steps
from app.cli.options import config_option, profile_option, settings_for
from app.errors import DataDirectoryLocked, TouchstoneError
from app.settings import Settings
from retrieval.errors import RetrievalError

Seen = tuple[list[Check], Diagnosis]


@click.command()
@click.option("--repair", is_flag=True, help="Put right what can be put right here.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
@profile_option
@config_option
def doctor(repair: bool, as_json: bool, profile: str | None, config: Path | None) -> None:
    """Check disk, database, files, indexes and models; the reranker judges pairs whose answer is known.

    Without --repair nothing is changed. The exit code is 1 where something is not as it should be.
    """
    checks, diagnosis = _look(settings_for(config, profile), repair)
    failed = bool(diagnosis.findings) or any(not fine for fine, _ in checks)
    if as_json:
        rows = [{"fine": fine, "sentence": sentence} for fine, sentence in checks]
        found = {"checks": rows, **diagnosis.model_dump(mode="json"), "fine": not failed}
        click.echo(json.dumps(found, ensure_ascii=False, indent=1))
    else:
        for fine, sentence in checks:
            click.echo(f"{'ok  ' if fine else 'FAIL'} {sentence}")
        for line in _told(diagnosis):
            click.echo(line)
    sys.exit(1 if failed else 0)


def _look(settings: Settings, repair: bool) -> Seen:
    """Here, or at the server that owns the data directory."""
    settings.data_dir.mkdir(parents=True, exist_ok=True)
    checks: list[Check] = []
    diagnosis = Diagnosis(findings=())
    try:
        with caring(settings) as (care, services), steps() as step:
            if isinstance(care, ServerCare):
                checks += care.checkup()
                return checks, care.diagnose(repair=repair, step=step)
            assert services is not None  # noqa: S101 - whoever cares here has them
            checks.append(disk(settings))
            diagnosis = care.diagnose(repair=repair, step=step)
            if any(each.repair for each in diagnosis.findings):
                checks.append((False, "models and indexes are not opened before that is put right"))
                return checks, diagnosis
            services.load()
            checks += inside(services)
    except DataDirectoryLocked as error:
        checks += [disk(settings), (False, str(error))]
    except (TouchstoneError, RetrievalError) as error:
        checks.append((False, str(error)))
    return checks, diagnosis


def _told(diagnosis: Diagnosis) -> Iterator[str]:
    yield from _listed("mended", diagnosis.repaired)
    yield from _listed("FOUND", diagnosis.findings)
    if any(each.repair for each in diagnosis.findings):
        yield "`touchstone doctor --repair` puts right what can be put right here"


def _listed(word: str, findings: Iterable[FindingView]) -> Iterator[str]:
    for each in findings:
        yield f"{word} {each.code}: {each.found}"
        if each.examples:
            more = f" and {each.count - len(each.examples):,} more" if each.count > len(each.examples) else ""
            yield f"      as: {'; '.join(each.examples)}{more}"
        if word == "mended":
            continue
        if each.repair:
            yield f"      --repair {each.repair}"
        if each.limit:
            yield f"      repair cannot help here: {each.limit}"
