"""Which module reads which kind of file. Only names: the parent never imports a reader.

A reader module offers ``read(data: bytes, limits: Limits, password: str, progress: Tell) -> wire.Parsed``.
It runs in the throw-away process, and may raise ``IngestError`` with a message that goes on after the
file's name. ``progress(done, total)`` may be called as often as is handy, with 0 ≤ done ≤ total and total ≥
1.

It may also offer ``SAMPLE``, the bytes of a tiny file of its kind, which is read once when the module is
loaded, so that no parse waits for what its libraries set up at first use. A reader starts no thread.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from ingest.errors import IngestError

Tell = Callable[[int, int], None]


@dataclass(frozen=True, slots=True)
class Limits:
    """How much one document may hold. ``max_pages`` counts pages, sheets or slides.

    ``page_timeout_s`` is what reading one page by OCR may take.
    """

    max_pages: int
    max_characters: int
    page_timeout_s: float = 60.0


def check_length(text: str, limits: Limits) -> None:
    """Raises ``IngestError`` (too_much_text) where a text is longer than the limit."""
    if len(text) > limits.max_characters:
        raise IngestError(
            "too_much_text",
            f"{len(text):,} characters are more than the limit of {limits.max_characters:,}; "
            "split the file or raise ingest.max_characters",
        )


@dataclass(frozen=True, slots=True)
class Reader:
    """One kind of file. ``kind`` fills "the … parser", ``remedy`` says what to do with a file that breaks it.

    ``version`` is raised whenever the same bytes would give another text, block, page, box or notice, so that
    nothing kept from an older version is used. ``libraries`` are the distributions whose versions matter in
    the same way, ``extra`` is the optional extra of ours that brings them.
    """

    module: str
    kind: str
    remedy: str
    version: int
    libraries: tuple[str, ...] = ()
    extra: str = ""


READERS: Mapping[str, Reader] = {
    "application/pdf": Reader(
        "ingest.pdf", "PDF", "print the file to a new PDF and upload that", 3, ("pypdfium2", "pypdf")
    ),
    "text/markdown": Reader(
        "ingest.markdown", "Markdown", "save it again as UTF-8, or rename it to .txt", 2, ("markdown-it-py",)
    ),
    "text/plain": Reader("ingest.plain", "plain text", "save it again as UTF-8", 1),
    "text/html": Reader(
        "ingest.web_page", "web page", "open it in a browser and print it to PDF", 1, ("selectolax",)
    ),
    "text/csv": Reader("ingest.table_text", "CSV", "save it again as UTF-8", 1),
    "text/tab-separated-values": Reader("ingest.table_text", "TSV", "save it again as UTF-8", 1),
    "application/vnd.openxmlformats-officedocument.wordprocessingml.document": Reader(
        "ingest.word", "Word", "save it again in Word, or print it to PDF", 1, ("python-docx", "lxml")
    ),
    "application/vnd.openxmlformats-officedocument.presentationml.presentation": Reader(
        "ingest.slides",
        "PowerPoint",
        "save it again in PowerPoint, or print it to PDF",
        1,
        ("python-pptx", "lxml"),
    ),
    "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet": Reader(
        "ingest.sheets", "Excel", "save it again in Excel, or export it as CSV", 1, ("openpyxl", "lxml")
    ),
}
