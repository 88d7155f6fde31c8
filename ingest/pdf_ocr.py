"""PDF → text, with the pages that have none read by OCR. Started only for files that have such pages."""

from ingest import pdf
from ingest.readers import Limits, Tell
from ingest.scanned import Scanner
from ingest.wire import Parsed


def read(data: bytes, limits: Limits, password: str, progress: Tell) -> Parsed:
    """What ``pdf.read`` gives, and the text of scanned and garbled pages.

    Raises ``IngestError`` with the same codes.
    """
    return pdf.read(
        data, limits, password, progress, lambda document: Scanner(document, limits.page_timeout_s)
    )
