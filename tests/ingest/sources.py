"""Sources and documents for tests, with everything that does not matter filled in."""

import hashlib

from ingest.load import to_source
from ingest.parse import parse
from ingest.settings import IngestSettings
from ingest.types import Document, Source

SETTINGS = IngestSettings(ocr="off")  # what OCR reads is tested in test_ocr.py


def source(data: bytes | str, name: str) -> Source:
    """A source of the collection "c" with the id "doc"."""
    raw = data.encode() if isinstance(data, str) else data
    return to_source(raw, name=name, collection="c", document_id="doc", settings=SETTINGS)


def parsed(data: bytes | str, name: str, settings: IngestSettings = SETTINGS) -> Document:
    """The document in these bytes."""
    return parse(source(data, name), settings)


def bare_source(name: str = "doc.txt") -> Source:
    """A source without content, for documents made by hand."""
    return Source("doc", "c", name, "text/plain", hashlib.sha256(b"").hexdigest(), b"")
