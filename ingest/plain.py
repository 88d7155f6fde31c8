"""Plain text → paragraphs set apart by empty lines; the text is the decoded file, cleaned."""

from ingest.clean import clean
from ingest.decode import decode
from ingest.readers import Limits, Tell, check_length
from ingest.types import Block
from ingest.wire import Parsed
from retrieval.types import Notice


def read(data: bytes, limits: Limits, password: str, progress: Tell) -> Parsed:
    """The document, without a title; there are no passwords and no units of progress.

    Raises ``IngestError`` (undecodable, too_much_text).
    """
    text, removed = clean(decode(data))
    check_length(text, limits)
    notices = (Notice.of("invisible_characters_removed", count=removed),) if removed else ()
    return Parsed("", text, tuple(_paragraphs(text)), notices=notices)


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
