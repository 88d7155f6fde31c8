"""From bytes to a document: every file of every kind is read in a throw-away process (``worker``)."""

import functools
from importlib import metadata

from ingest.errors import IngestError
from ingest.protocols import Progress, quiet
from ingest.readers import READERS
from ingest.scans import OCR, identity, shared_scan_reader
from ingest.settings import IngestSettings
from ingest.types import Document, Source
from ingest.wire import MAGIC
from ingest.worker import Sandbox, shared_sandbox


def parse(
    source: Source,
    settings: IngestSettings,
    *,
    progress: Progress = quiet,
    password: str = "",
    sandbox: Sandbox | None = None,
) -> Document:
    """The document's text, blocks, pages and notices.

    ``progress("parse", done, total)`` counts pages, or sheets or slides (0 to 1 for formats without any),
    and is called at least every 0.25 s, with unchanged counts, too; when it raises, the work ends at once
    and the exception is passed on. ``password`` opens an encrypted file. Raises ``IngestError`` with the
    code of what is wrong, ``OSError`` where the system cannot start a process.
    """
    found: Document | IngestError
    try:
        found = (sandbox or shared_sandbox()).parse(source, settings, progress, password)
    except IngestError as error:
        found = error
    document = shared_scan_reader().complete(found, source, settings, progress, password)
    if len(document.text) > settings.max_characters:  # a reader says more; this one was taken over
        raise IngestError("too_much_text", f"{source.name}: more than {settings.max_characters:,} characters")
    if not any(block.start < block.end for block in document.blocks):
        raise IngestError("empty", f"{source.name}: there is no text in it; nothing to index")
    return document


def parser_identity(media_type: str, settings: IngestSettings) -> str:
    """Names everything but the bytes (and the password) that a successful ``parse`` depends on.

    What was kept under another identity must be parsed again: another version of the reader, of a library it
    uses or of the kept format, or other limits on what is accepted. Raises ``KeyError`` for a media type that
    nothing reads.
    """
    reader = READERS[media_type]
    parts = [
        f"{reader.module}/{reader.version}",
        MAGIC.decode(),
        *(f"{name}/{_installed(name)}" for name in reader.libraries),
        f"pages/{settings.max_pages}",
        f"characters/{settings.max_characters}",
    ]
    if media_type == "application/pdf":
        parts += [*identity(settings), *(f"{name}/{_installed(name)}" for name in OCR.libraries)]
    return " ".join(parts)


@functools.cache
def _installed(distribution: str) -> str:
    try:
        return metadata.version(distribution)
    except metadata.PackageNotFoundError:
        return "none"
