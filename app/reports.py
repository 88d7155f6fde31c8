"""What became of the files that were ingested, for people and for JSON."""

from dataclasses import dataclass
from typing import Literal

from app.result import View
from retrieval.types import Notice

Status = Literal[
    "added", "replaced", "unchanged", "skipped", "renamed", "reindexed", "gone", "cancelled", "failed"
]


@dataclass(frozen=True, slots=True)
class FileReport:
    """What became of one file. ``error`` is (code, message) for failed files.

    skipped and renamed: the collection held the same bytes under another name. gone: the document was
    deleted before it was indexed again. ``reused`` of the chunks had
    their vectors already.
    """

    name: str
    status: Status
    pages: int = 0
    chunks: int = 0
    reused: int = 0
    tokens: int = 0
    seconds: tuple[tuple[str, float], ...] = ()
    notices: tuple[Notice, ...] = ()
    error: tuple[str, str] | None = None


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
    reused: int
    tokens: int
    seconds: dict[str, float]
    notices: tuple[FileNoticeView, ...]
    error: tuple[str, str] | None


class StepView(View):
    """How far one file is: ``completed`` of ``total`` in a stage (parse, chunk, embed, done)."""

    name: str
    stage: str
    completed: int
    total: int


def notice_view(notice: Notice) -> FileNoticeView:
    """A notice for JSON."""
    return FileNoticeView(code=notice.code, values=dict(notice.values))


def notice_of(view: FileNoticeView) -> Notice:
    """A notice from JSON."""
    return Notice.of(view.code, **view.values)


def file_report_view(report: FileReport) -> FileReportView:
    """A file's report for JSON."""
    return FileReportView(
        name=report.name,
        status=report.status,
        pages=report.pages,
        chunks=report.chunks,
        reused=report.reused,
        tokens=report.tokens,
        seconds=dict(report.seconds),
        notices=tuple(map(notice_view, report.notices)),
        error=report.error,
    )


def file_report(view: FileReportView) -> FileReport:
    """A file's report from JSON."""
    return FileReport(
        name=view.name,
        status=view.status,
        pages=view.pages,
        chunks=view.chunks,
        reused=view.reused,
        tokens=view.tokens,
        seconds=tuple(view.seconds.items()),
        notices=tuple(map(notice_of, view.notices)),
        error=view.error,
    )
