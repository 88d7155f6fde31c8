"""``touchstone doctor``: is everything as it should be, on this machine and in this data directory?"""

import shutil
import sys
from collections.abc import Iterator
from pathlib import Path

import click

from app.catalogue import say
from app.cli.options import config_option, opened, profile_option, settings_for
from app.errors import TouchstoneError
from app.services import Services
from app.settings import Settings
from rerank.guarded import GuardedReranker
from retrieval.errors import RetrievalError

ENOUGH_BYTES = 2_000_000_000


@click.command()
@profile_option
@config_option
def doctor(profile: str | None, config: Path | None) -> None:
    """Check disk, database, index and models; the reranker judges pairs whose answer is known."""
    failed = False
    for fine, sentence in _checks(settings_for(config, profile)):
        click.echo(f"{'ok  ' if fine else 'FAIL'} {sentence}")
        failed |= not fine
    sys.exit(1 if failed else 0)


def _checks(settings: Settings) -> Iterator[tuple[bool, str]]:
    settings.data_dir.mkdir(parents=True, exist_ok=True)
    free = shutil.disk_usage(settings.data_dir).free
    yield free > ENOUGH_BYTES, f"disk: {free / 1e9:.1f} GB free at {settings.data_dir}"
    try:
        with opened(settings) as services:
            services.load()
            yield from _inside(services)
    except (TouchstoneError, RetrievalError) as error:
        yield False, str(error)


def _inside(services: Services) -> Iterator[tuple[bool, str]]:
    (integrity,) = services.database.connection().execute("PRAGMA quick_check").fetchone()
    yield integrity == "ok", f"database: {integrity}"
    for notice in services.notices:
        yield True, f"index: {say(notice, 'en')}"
    for each in services.collections.all():
        yield True, f"collection {each.name!r}: {each.documents} documents, {each.chunks} chunks"
    models = services.models
    yield True, f"profile {models.profile}: {say(models.reason, 'en')}"
    yield True, f"embedder {models.embedder.identity}, {models.embedder.dim} dimensions"
    yield True, f"generator {models.generator.identity}"
    yield from _reranker(models.reranker)


def _reranker(guarded: GuardedReranker) -> Iterator[tuple[bool, str]]:
    status = guarded.status()
    tested = None if status.trouble else guarded.verify()
    for notice in guarded.limits():
        yield True, say(notice, "en")
    if tested is None:
        for notice in guarded.notices():
            yield False, say(notice, "en")
        yield bool(status.fallback), f"reranker in its place: {status.fallback or 'none'}"
        return
    yield (
        True,
        f"reranker {status.primary}: known-answer pairs right, smallest spread {tested.smallest_spread:.2f}",
    )
    budget = "none" if status.budget_s is None else f"{status.budget_s:g} s a question"
    yield True, f"fallback reranker: {status.fallback or 'none'}; latency budget: {budget}"
