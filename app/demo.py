"""The demo knowledge base that travels with the product: put in once, at the first start that asks for it."""

import logging
from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path

from pydantic import BaseModel, ConfigDict

from app.reports import FileReport
from app.settings import shipped
from app.storage.assistants import AssistantRows
from app.storage.collections import Collections
from app.storage.database import Database
from app.storage.documents import Documents
from app.storage.sections import Sections
from app.storage.snippets import Person, SnippetRows
from ingest.load import find_files

DEMO = "demo"
log = logging.getLogger(__name__)


class _Snippet(BaseModel):
    """An approved answer of the demo."""

    model_config = ConfigDict(extra="forbid")

    questions: tuple[str, ...]
    answer: str
    note: str


class _Told(BaseModel):
    """``assistant.json``: names of documents that are fit for customers, and the sales assistant."""

    model_config = ConfigDict(extra="forbid")

    customer: frozenset[str]
    name: str
    instruction: str
    owner: str
    days: int
    snippets: tuple[_Snippet, ...]


def demo_installed(database: Database) -> bool:
    """Whether it was ever put in; one that was deleted does not come back."""
    return database.connection().execute("SELECT 1 FROM meta WHERE name = 'demo'").fetchone() is not None


def install_demo(
    database: Database,
    ingest: Callable[[Sequence[tuple[Path, str]], str], list[FileReport]],
    *,
    now: Callable[[], datetime],
) -> None:
    """Ingest the demo documents, say whom they are fit for, make the sales assistant; remember all that.

    Its snippets are approved, and hold for the days that ``assistant.json`` names from now on.
    """
    for report in ingest(find_files([shipped("demo") / "documents"]).files, DEMO):
        if report.error is not None:
            log.error("demo document %s failed: %s", report.name, report.error[1])
    with database.transaction() as writing:
        _assistant(database, now)
        writing.execute("INSERT INTO meta (name, value) VALUES ('demo', '1')")


def _assistant(database: Database, now: Callable[[], datetime]) -> None:
    told = _Told.model_validate_json((shipped("demo") / "assistant.json").read_text(encoding="utf-8"))
    demo = Collections(database, now=now).named(DEMO)
    sections, snippets = Sections(database), SnippetRows(database, now=now)
    for each in Documents(database, now=now).shown(demo.id):
        if each.name in told.customer:
            sections.set_audience(each.id, "customer")
    rows, owner = AssistantRows(database, now=now), Person("", told.owner)
    if rows.named(told.name) is not None:
        log.warning("there is an assistant %s already; the demo makes none", told.name)
        return
    made = rows.create(told.name, "sales", told.instruction, [demo.id])
    for one in told.snippets:
        draft = snippets.create(
            made.id,
            questions=one.questions,
            answer=one.answer,
            note=one.note,
            owner=owner,
            expires_on=now().date() + timedelta(days=told.days),
        )
        snippets.put(replace(draft, approved_by=owner, approved_at=now()))
