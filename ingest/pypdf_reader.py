"""pypdf: a second opinion on files that PDFium refuses.

Runs only inside the parser subprocess. Never the first reader of text: it returns no character of
Chinese fonts without ToUnicode, and no positions (pypdf#2295, #2605).
"""

import io
import logging

import pypdf
from pypdf.errors import FileNotDecryptedError

from ingest.errors import IngestError, encrypted

logging.getLogger("pypdf").setLevel(logging.CRITICAL)


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
        raise encrypted(password) from error
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
