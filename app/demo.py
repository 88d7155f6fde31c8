"""The demo knowledge base that travels with the product: put in once, at the first start that asks for it."""

import logging
from collections.abc import Callable, Sequence
from pathlib import Path

from app.reports import FileReport
from app.settings import shipped
from app.storage.database import Database
from ingest.load import find_files

DEMO = "demo"
log = logging.getLogger(__name__)


def demo_installed(database: Database) -> bool:
    """Whether it was ever put in; one that was deleted does not come back."""
    return database.connection().execute("SELECT 1 FROM meta WHERE name = 'demo'").fetchone() is not None


def install_demo(
    database: Database, ingest: Callable[[Sequence[tuple[Path, str]], str], list[FileReport]]
) -> None:
    """Ingest the demo documents and remember that it was done."""
    for report in ingest(find_files([shipped("demo") / "documents"]).files, DEMO):
        if report.error is not None:
            log.error("demo document %s failed: %s", report.name, report.error[1])
    with database.transaction() as writing:
        writing.execute("INSERT INTO meta (name, value) VALUES ('demo', '1')")
