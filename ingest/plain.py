"""Plain text → paragraphs set apart by empty lines; the text is the decoded file, cleaned."""

from pathlib import PurePosixPath

from ingest.clean import clean
from ingest.headings import clip
from ingest.load import decode
from ingest.types import Block, Document, Source
from retrieval.types import Notice


class PlainTextParser:
    """The parser for plain text."""

    media_types = frozenset({"text/plain"})

    def parse(self, source: Source) -> Document:
        """The document; its title is the file's stem. Raises ``IngestError`` (undecodable)."""
        text, removed = clean(decode(source.data, source.name))
        notices = (Notice.of("invisible_characters_removed", count=removed),) if removed else ()
        title = clip(PurePosixPath(source.name).stem)
        return Document(source, title, text, tuple(_paragraphs(text)), notices=notices)


def _paragraphs(text: str) -> list[Block]:
    blocks: list[Block] = []
    position = start = end = 0
    for line in [*text.split("\n"), ""]:
        if line.strip():
            if start == end:
                start = position + len(line) - len(line.lstrip())
            end = position + len(line.rstrip())
        elif start < end:
            blocks.append(Block("paragraph", start, end))
            start = end = position
        position += len(line) + 1
    return blocks
