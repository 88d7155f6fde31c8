"""A folder of all kinds of files, and everything that a data directory keeps of it, without its ids."""

import shutil
from pathlib import Path

import numpy as np
import numpy.typing as npt

from app.services import Services
from app.settings import shipped

GOLDEN = Path(__file__).resolve().parents[2] / "data" / "golden"
COLLECTION = "handbook"
AGAIN = "again.md"
BROKEN = "broken.pdf"

_VERSIONS = (
    "SELECT d.name, v.sha256, v.size_bytes, v.media_type, v.title, v.pages, v.text, v.notices, v.embedder,"
    " v.chunk_tokens, v.chunk_overlap, v.chunks FROM document d"
    " JOIN version v ON v.document_id = d.id AND v.version = d.current_version ORDER BY d.name"
)
_CHUNKS = (
    "SELECT d.name, k.ordinal, k.text, k.start, k.end, k.tokens, k.pages, k.headings, k.boxes, k.digest,"
    " k.lead, t.tokenizer, t.digest AS key, t.ids, k.vector FROM chunk k"
    " JOIN document d ON d.id = k.document_id AND d.current_version = k.version"
    " LEFT JOIN chunk_tokens t ON t.chunk_id = k.id ORDER BY d.name, k.ordinal"
)
_JOBS = (
    "SELECT name, sha256, size_bytes, duplicates, state, step, outcome, code, message, notices, pages,"
    " chunks, tokens, reused FROM job ORDER BY name"
)


def fill(folder: Path) -> None:
    """Markdown, PDF (tables, columns), Word, a broken file, and one file under two names."""
    demo = shipped("demo") / "documents"
    for path in (
        demo / "售前FAQ.md",
        demo / "财务制度V3.2.pdf",
        GOLDEN / "office" / "travel_zh.docx",
        GOLDEN / "pdfs" / "g01_zh_two_column.pdf",
    ):
        shutil.copy(path, folder)
    (folder / "en").mkdir()
    shutil.copy(demo / "refund-return-policy.md", folder / "en")
    shutil.copy(demo / "refund-return-policy.md", folder / AGAIN)
    (folder / BROKEN).write_bytes(b"%PDF-1.7 this is no PDF")


def rows(services: Services, *, vectors: bool = True) -> list[list[tuple[object, ...]]]:
    """Versions, chunks with boxes, token ids and ``vectors`` (to the last bit), and jobs."""
    connection = services.database.connection()
    found = [[tuple(row) for row in connection.execute(sql)] for sql in (_VERSIONS, _CHUNKS, _JOBS)]
    assert all(found)
    if not vectors:
        found[1] = [row[:-1] for row in found[1]]
    return found


def vectors_of(services: Services) -> npt.NDArray[np.float32]:
    """The vectors of all chunks, in the order of ``rows``: float32, shape (chunks, dim)."""
    packed = [row["vector"] for row in services.database.connection().execute(_CHUNKS)]
    return np.stack([np.frombuffer(each, "<f2") for each in packed]).astype(np.float32)
