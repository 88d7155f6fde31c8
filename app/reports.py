"""What became of the files that were ingested, for people and for JSON."""

from dataclasses import dataclass
from typing import Literal

from app.result import View
from ingest.errors import FailureCode
from retrieval.types import Notice

Status = Literal["added", "replaced", "unchanged", "failed"]


@dataclass(frozen=True, slots=True)
class FileReport:
    """What became of one file. ``error`` is (code, message) for failed files."""

    name: str
    status: Status
    pages: int = 0
    chunks: int = 0
    tokens: int = 0
    seconds: tuple[tuple[str, float], ...] = ()
    notices: tuple[Notice, ...] = ()
    error: tuple[FailureCode, str] | None = None


class FileNoticeView(View):
    """A notice about a file, by code and values."""

    code: str
    values: dict[str, str]


class FileReportView(View):
    """What became of one file; see ``app.documents.FileReport``."""

    name: str
    status: Status
    pages: int
    chunks: int
    tokens: int
    seconds: dict[str, float]
    notices: tuple[FileNoticeView, ...]
    error: tuple[FailureCode, str] | None


def file_report_view(report: FileReport) -> FileReportView:
    """A file's report for JSON."""
    return FileReportView(
        name=report.name,
        status=report.status,
        pages=report.pages,
        chunks=report.chunks,
        tokens=report.tokens,
        seconds=dict(report.seconds),
        notices=tuple(FileNoticeView(code=n.code, values=dict(n.values)) for n in report.notices),
        error=report.error,
    )


def file_report(view: FileReportView) -> FileReport:
    """A file's report from JSON."""
    return FileReport(
        name=view.name,
        status=view.status,
        pages=view.pages,
        chunks=view.chunks,
        tokens=view.tokens,
        seconds=tuple(view.seconds.items()),
        notices=tuple(Notice.of(n.code, **n.values) for n in view.notices),
        error=view.error,
    )
