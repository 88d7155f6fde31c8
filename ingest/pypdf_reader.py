"""pypdf: outline and title of a PDF, and a second opinion on files that PDFium refuses.

Runs only inside the parser subprocess. Never the first reader of text: it returns no character of
Chinese fonts without ToUnicode, and no positions (pypdf#2295, #2605).
"""

import io
import logging
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import pypdf
from pypdf.errors import FileNotDecryptedError
from pypdf.generic import Destination

from ingest.errors import IngestError, encrypted

logging.getLogger("pypdf").setLevel(logging.CRITICAL)
_MAX_ENTRIES = 20_000


@dataclass(frozen=True, slots=True)
class Entry:
    """An outline entry: its title, its level from 1, and the page (from 1) it leads to."""

    title: str
    level: int
    page: int


def read_outline(data: bytes, password: str) -> tuple[str, tuple[Entry, ...]]:
    """The title in the metadata ("" where there is none) and the outline in reading order.

    Raises ``IngestError`` (damaged) where pypdf cannot make sense of the file.
    """
    try:
        reader = _open(data, password)
        title = reader.metadata.title if reader.metadata else None
        entries = tuple(_entries(reader, reader.outline, 1))[:_MAX_ENTRIES]
    except MemoryError:
        raise
    except Exception as error:  # hostile bytes make pypdf raise almost any type
        raise IngestError("damaged", f"pypdf cannot read the outline ({type(error).__name__})") from error
    return str(title or ""), entries


def read_text(data: bytes, password: str, max_pages: int) -> list[str]:
    """The text of each page, without positions.

    Raises ``IngestError``: encrypted, damaged where pypdf cannot read the file either, too_many_pages.
    """
    try:
        reader = _open(data, password)
        count = len(reader.pages)
        texts = [page.extract_text() for page in reader.pages] if count <= max_pages else []
    except MemoryError:
        raise
    except FileNotDecryptedError as error:
        raise encrypted("PDF", password) from error
    except Exception as error:  # hostile bytes make pypdf raise almost any type
        raise IngestError(
            "damaged",
            "neither PDFium nor pypdf can open it; the file is damaged or incomplete: get it again, or print "
            "it to a new PDF",
        ) from error
    if count > max_pages:
        raise IngestError("too_many_pages", f"{count:,} pages are more than the limit of {max_pages:,}")
    return texts


def _open(data: bytes, password: str) -> pypdf.PdfReader:
    reader = pypdf.PdfReader(io.BytesIO(data))
    if password and reader.is_encrypted:
        reader.decrypt(password)
    return reader


def _entries(reader: pypdf.PdfReader, items: Sequence[object], level: int) -> Iterator[Entry]:
    for item in items:
        if isinstance(item, list):
            yield from _entries(reader, item, level + 1)
        elif isinstance(item, Destination):
            index = reader.get_destination_page_number(item)
            if index is not None and index >= 0 and item.title:
                yield Entry(str(item.title), level, index + 1)
