"""From paths and uploads to sources: which files there are, what they are, and their bytes."""

import hashlib
import os
import re
import unicodedata
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from operator import itemgetter
from pathlib import Path, PurePosixPath
from typing import Literal

from ingest.clean import clean
from ingest.containers import OLE2, SHEETS, SLIDES, WORD, ZIP, office_type
from ingest.decode import BYTE_ORDER_MARKS, decode
from ingest.errors import IngestError
from ingest.settings import IngestSettings
from ingest.types import MediaType, Source

SUFFIXES: dict[str, MediaType] = {
    ".pdf": "application/pdf",
    ".md": "text/markdown",
    ".markdown": "text/markdown",
    ".txt": "text/plain",
    ".text": "text/plain",
    ".docx": WORD,
    ".docm": WORD,
    ".pptx": SLIDES,
    ".pptm": SLIDES,
    ".xlsx": SHEETS,
    ".xlsm": SHEETS,
    ".html": "text/html",
    ".htm": "text/html",
    ".csv": "text/csv",
    ".tsv": "text/tab-separated-values",
}
SkipReason = Literal["unsupported_type", "hidden", "link_leaves_folder", "same_name"]
_PDF_WINDOW = 1024  # bytes; Acrobat, and PDFium after it, look for the header this far (ISO 32000-1, H.3.4.1)
_PAGE = re.compile(rb"\s*(?:\xef\xbb\xbf)?(?:<!doctype html|<html)", re.IGNORECASE)
_TAG = re.compile(
    rb"<(?:!doctype|html|head|body|title|div|p|h[1-6]|ul|ol|table|article|section|main|br|a)\b", re.IGNORECASE
)
_WHAT_IT_IS_NOT: dict[MediaType, str] = {
    "application/pdf": "not a PDF (no %PDF- header)",
    WORD: "not a Word file (no ZIP container)",
    SLIDES: "not a PowerPoint file (no ZIP container)",
    SHEETS: "not an Excel file (no ZIP container)",
    "text/csv": "not a table",
}
_MAX_NAME_BYTES = 255


@dataclass(frozen=True, slots=True)
class Found:
    """What was found: files to load with their names; names left out, each with the reason."""

    files: tuple[tuple[Path, str], ...]
    skipped: tuple[tuple[str, SkipReason], ...] = ()


def find_files(paths: Sequence[Path]) -> Found:
    """The files at these paths, folders searched recursively, in the order of the paths, then by name.

    A file's name is its POSIX path relative to the folder that was given, or its base name where the
    file itself was given; such a file is always in ``files``, so that loading it says what is wrong with
    it. Of two different files that would have the same name, the later one is skipped. Raises
    ``IngestError`` (not_found) for a path that does not exist, ``OSError`` for a folder that cannot be
    read.
    """
    files: dict[str, Path] = {}
    skipped: list[tuple[str, SkipReason]] = []
    for given in paths:
        if given.is_dir():
            entries = sorted(_walk(given), key=itemgetter(1))
        elif given.is_file():
            entries = [(given, given.name, None)]
        else:
            raise IngestError("not_found", f"{given}: there is no file or folder here; check the path")
        for path, raw_name, reason in entries:
            name = clean_name(raw_name)
            if reason is not None:
                skipped.append((name, reason))
            elif name not in files:
                files[name] = path
            elif not files[name].samefile(path):
                skipped.append((name, "same_name"))
    return Found(tuple((path, name) for name, path in files.items()), tuple(skipped))


def _walk(root: Path) -> Iterator[tuple[Path, str, SkipReason | None]]:
    inside = root.resolve()
    for folder, folders, names in os.walk(root, onerror=_raise):
        here = Path(folder)
        relative = here.relative_to(root)
        hidden = [name for name in folders if name.startswith(".")]
        linked = [name for name in folders if (here / name).is_symlink()]
        for name in sorted(hidden):
            yield here / name, (relative / name).as_posix(), "hidden"
        for name in sorted(set(linked) - set(hidden)):
            yield here / name, (relative / name).as_posix(), "link_leaves_folder"
        folders[:] = sorted(set(folders) - set(hidden) - set(linked))
        for name in sorted(names):
            path = here / name
            yield path, (relative / name).as_posix(), _why_skipped(path, inside)


def _raise(error: OSError) -> None:
    raise error


def _why_skipped(path: Path, inside: Path) -> SkipReason | None:
    if path.name.startswith("."):
        return "hidden"
    if path.suffix.lower() not in SUFFIXES:
        return "unsupported_type"
    target = path.resolve()
    if not target.is_relative_to(inside) or not target.is_file():
        return "link_leaves_folder"
    return None


def clean_name(name: str) -> str:
    """A file name fit to be shown and stored: NFC, no control or invisible characters, at most 255 bytes.

    A longer name loses characters from the middle of its stem, so that its suffix stays.
    """
    visible, _ = clean(unicodedata.normalize("NFC", name))
    visible = re.sub(r"[\n\t\ufffd]", " ", visible).strip()
    path = PurePosixPath(visible)
    excess = len(visible.encode()) - _MAX_NAME_BYTES
    if excess <= 0:
        return visible
    stem = visible[: len(visible) - len(path.suffix)].encode()
    keep = len(stem) - excess - len("…".encode())
    head = stem[: keep // 2].decode(errors="ignore")
    tail = stem[len(stem) - keep // 2 :].decode(errors="ignore")
    return f"{head}…{tail}{path.suffix}"


def load(path: Path, *, name: str, collection: str, document_id: str, settings: IngestSettings) -> Source:
    """The file as a source; raises what ``to_source`` does, and ``OSError`` where it cannot be read."""
    size = path.stat().st_size
    if size > settings.max_file_bytes:
        raise _too_large(name, size, settings)
    data = path.read_bytes()
    return to_source(data, name=name, collection=collection, document_id=document_id, settings=settings)


def to_source(
    data: bytes, *, name: str, collection: str, document_id: str, settings: IngestSettings
) -> Source:
    """Bytes (of a file or an upload) as a source, with type and hash.

    Raises ``IngestError``: empty, too_large, unsupported_type or undecodable.
    """
    if len(data) > settings.max_file_bytes:
        raise _too_large(name, len(data), settings)
    media_type = sniff(data, name)
    return Source(document_id, collection, name, media_type, hashlib.sha256(data).hexdigest(), data)


def _too_large(name: str, size_bytes: int, settings: IngestSettings) -> IngestError:
    return IngestError(
        "too_large",
        f"{name}: {size_bytes:,} bytes are more than the limit of {settings.max_file_bytes:,}; "
        "split the file or raise ingest.max_file_bytes",
    )


def sniff(data: bytes, name: str) -> MediaType:
    """What a file is, by its content; the name only tells kinds of text from each other.

    Raises ``IngestError``: empty; unsupported_type for what nothing here reads, or what is not what its name
    says (a web page saved as .pdf, an image renamed .md), with the way out; encrypted for Office files
    that no password opens; undecodable for text in no known encoding.
    """
    if not data.strip(b" \t\r\n\x00"):
        raise IngestError("empty", f"{name}: the file is empty (0 bytes of content); upload it again")
    suffix = PurePosixPath(name).suffix.lower()
    expected = SUFFIXES.get(suffix)
    header = data[:_PDF_WINDOW].find(b"%PDF-")
    if header == 0 or (header > 0 and expected in (None, "application/pdf")):
        return "application/pdf"
    if data.startswith((ZIP, OLE2)):
        try:
            return office_type(data, expected)
        except IngestError as error:
            raise IngestError(error.code, f"{name}: {error}") from error
    is_page = _PAGE.match(data[:_PDF_WINDOW]) is not None
    if expected is None:
        if is_page:
            return "text/html"
        known = ", ".join(SUFFIXES)
        raise IngestError("unsupported_type", f"{name}: neither a PDF nor one of {known}; convert it first")
    if expected in _WHAT_IT_IS_NOT and (is_page or expected != "text/csv"):
        what = "a web page (a login page?)" if is_page else _WHAT_IT_IS_NOT[expected]
        raise IngestError(
            "unsupported_type", f"{name}: this is {what} under a {suffix} name; get the file again"
        )
    if expected == "text/html" and not _TAG.search(data.replace(b"\0", b"")):  # UTF-16 has zeros
        raise IngestError("unsupported_type", f"{name}: there is no HTML in it; rename it to .txt")
    if b"\x00" in data and not data.startswith(tuple(bom for bom, _ in BYTE_ORDER_MARKS)):
        raise IngestError("unsupported_type", f"{name}: holds binary data, not text; convert it first")
    if expected != "text/html":  # which may declare another encoding
        decode(data, name)
    return expected
