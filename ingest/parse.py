"""From bytes to a document: picks the parser by media type."""

from ingest.errors import IngestError
from ingest.markdown import MarkdownParser
from ingest.plain import PlainTextParser
from ingest.protocols import Parser
from ingest.settings import IngestSettings
from ingest.types import Document, Source
from ingest.worker import PdfParser


def parse(source: Source, settings: IngestSettings) -> Document:
    """The document's text, blocks, pages and notices; PDFs are parsed in a subprocess.

    Raises ``IngestError`` with the code of what is wrong; empty and too_much_text for every format.
    """
    parsers: tuple[Parser, ...] = (PdfParser(settings), MarkdownParser(), PlainTextParser())
    parser = next(parser for parser in parsers if source.media_type in parser.media_types)
    document = parser.parse(source)
    if len(document.text) > settings.max_characters:
        raise IngestError(
            "too_much_text",
            f"{source.name}: {len(document.text):,} characters are more than the limit of "
            f"{settings.max_characters:,}; split the file or raise ingest.max_characters",
        )
    if not any(block.start < block.end for block in document.blocks):
        raise IngestError("empty", f"{source.name}: there is no text in it; nothing to index")
    return document
