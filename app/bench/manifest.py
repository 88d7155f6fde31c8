"""A folder of files made to break parsers, and a manifest of what must come out of each.

``manifest.tsv`` has a header and the columns file, expect, pages, must_contain (phrases between " || "),
password, max_s and sha256_12 (the first twelve digits of the file's SHA-256; "" is not compared). ``expect``:

- text: every phrase is in the text, white space aside, and the pages are counted right;
- password: refused without the password, text with it;
- needs_ocr: refused and named without OCR, read by OCR where it is installed;
- blank: no text to be found, which is said; error: no such file as its name says, or broken, which is said;
- garbled: refused, or read by OCR;
- bounded: nothing but an end in time.

Every file has to end within ``max_s`` seconds, and in the memory that the settings allow to a parse.
"""

import csv
import hashlib
import re
import time
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path

from app.errors import BadRequest
from ingest.errors import IngestError
from ingest.load import load
from ingest.parse import parse
from ingest.settings import IngestSettings
from ingest.types import Document

MANIFEST = "manifest.tsv"
_COLUMNS = {"file", "expect", "pages", "must_contain", "password", "max_s", "sha256_12"}
_REFUSALS: Mapping[str, tuple[str, ...]] = {
    "password": ("encrypted",),
    "needs_ocr": ("no_text",),
    "blank": ("no_text", "no_pages", "empty"),
    "error": ("damaged", "unsupported_type", "empty"),
    "garbled": ("garbled",),
}
_BY_OCR = ("needs_ocr", "garbled")
_OCR_NOTICE = "pages_read_by_ocr"


@dataclass(frozen=True, slots=True)
class Row:
    """What must come out of a file."""

    file: str
    expect: str
    pages: int
    must_contain: tuple[str, ...]
    password: str
    max_s: float
    sha256_12: str


@dataclass(frozen=True, slots=True)
class Outcome:
    """What came out: "text" or the code of the error; ``wrong`` says what is not as it should be."""

    file: str
    expect: str
    found: str
    pages: int
    characters: int
    notices: tuple[str, ...]
    seconds: float
    max_s: float
    wrong: tuple[str, ...]


def read_manifest(folder: Path) -> tuple[Row, ...]:
    """The rows of a folder's manifest. Raises ``BadRequest`` for one that cannot be used."""
    try:
        with (folder / MANIFEST).open(encoding="utf-8", newline="") as file:
            rows = list(csv.DictReader(file, delimiter="\t", quoting=csv.QUOTE_NONE))
    except OSError as error:
        said = f"{folder / MANIFEST}: cannot be read ({error.strerror}); name the folder it is in"
        raise BadRequest(said) from error
    if not rows or not rows[0].keys() >= _COLUMNS:
        raise BadRequest(f"{folder / MANIFEST}: needs rows with the columns {', '.join(sorted(_COLUMNS))}")
    unknown = {row["expect"] for row in rows} - {"text", "bounded", *_REFUSALS}
    if unknown:
        raise BadRequest(f"{folder / MANIFEST}: expects {sorted(unknown)}, which is not known here")
    return tuple(
        Row(
            row["file"],
            row["expect"],
            int(row["pages"]),
            tuple(filter(None, row["must_contain"].split(" || "))),
            row["password"],
            float(row["max_s"]),
            row["sha256_12"],
        )
        for row in rows
    )


def examine(folder: Path, row: Row, settings: IngestSettings) -> Outcome:
    """What comes out of one file, read as ingestion reads it. Raises ``OSError`` where it is not there."""
    wrong: list[str] = []
    began = time.monotonic()
    found = _read(folder, row.file, "", settings)
    seconds = time.monotonic() - began
    if row.expect == "password":
        wrong += _refused(row, found)
        began = time.monotonic()
        found = _read(folder, row.file, row.password, settings)
        seconds = max(seconds, time.monotonic() - began)
    if row.expect in ("text", "password"):
        wrong += _told(row, found)
    elif row.expect in _BY_OCR and isinstance(found, Document):
        codes = {notice.code for notice in found.notices}
        wrong += [] if _OCR_NOTICE in codes else ["its text is not said to be read by OCR"]
    elif row.expect != "bounded":
        wrong += _refused(row, found)
    if seconds > row.max_s:
        wrong.append(f"took {seconds:.1f} s, more than {row.max_s:g}")
    if not hashlib.sha256((folder / row.file).read_bytes()).hexdigest().startswith(row.sha256_12):
        wrong.append("is another file than the manifest means (SHA-256)")
    return Outcome(
        row.file,
        row.expect,
        "text" if isinstance(found, Document) else found.code,
        len(found.pages) if isinstance(found, Document) else 0,
        len(found.text) if isinstance(found, Document) else 0,
        tuple(notice.code for notice in found.notices) if isinstance(found, Document) else (),
        round(seconds, 3),
        row.max_s,
        tuple(wrong),
    )


def report(found: tuple[Outcome, ...], settings: IngestSettings, *, ocr: bool) -> dict[str, object]:
    """The figures for a result file. ``ocr``: whether OCR was installed and on."""
    return {
        "files": len(found),
        "right": sum(not each.wrong for each in found),
        "ocr": ocr,
        "parse_memory_bytes": settings.parse_memory_bytes,
        "outcomes": [asdict(each) for each in found],
    }


def _read(folder: Path, name: str, password: str, settings: IngestSettings) -> Document | IngestError:
    try:
        source = load(folder / name, name=name, collection="", document_id="", settings=settings)
        return parse(source, settings, password=password)
    except IngestError as error:
        return error


def _told(row: Row, found: Document | IngestError) -> list[str]:
    if isinstance(found, IngestError):
        return [f"refused ({found.code}): {found}"]
    text = _squeezed(found.text)
    wrong = [f"{phrase!r} is not in it" for phrase in row.must_contain if _squeezed(phrase) not in text]
    if len(found.pages) != row.pages:
        wrong.append(f"{len(found.pages)} pages, not {row.pages}")
    return wrong


def _refused(row: Row, found: Document | IngestError) -> list[str]:
    if isinstance(found, Document):
        return [f"gave {len(found.text)} characters instead of a refusal"]
    wrong = [] if found.code in _REFUSALS[row.expect] else [f"refused as {found.code}: {found}"]
    return wrong if str(found).startswith(row.file) else [*wrong, f"the refusal does not name it: {found}"]


def _squeezed(text: str) -> str:
    return re.sub(r"\s", "", text)
