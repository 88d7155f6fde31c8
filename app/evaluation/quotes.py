"""Does a quote stand in the file it was taken from?"""

from app.storage.blobs import BlobStore
from app.storage.database import Database
from generation.types import Citation
from ingest.load import decode


class Quotes:
    """Looks quotes up in the files that were ingested."""

    def __init__(self, database: Database, blobs: BlobStore) -> None:
        self._database = database
        self._blobs = blobs

    def stands(self, citation: Citation) -> bool:
        """Word for word in the file's own bytes where it is text, in its cleaned text layer if PDF."""
        row = (
            self._database.connection()
            .execute(
                "SELECT v.sha256, v.media_type, v.text FROM version v JOIN document d"
                " ON d.id = v.document_id AND d.current_version = v.version WHERE d.id = ?",
                (citation.document_id,),
            )
            .fetchone()
        )
        if row is None:
            return False
        if row["media_type"] == "application/pdf":
            return citation.quote in row["text"]
        return citation.quote in decode(self._blobs.path(row["sha256"]).read_bytes())
