"""The parent's half of OCR: files with pages without text are read again, by ``pdf_ocr`` in its own process.

Rendering and recognising needs more memory and far more time than reading text, so it has limits of its own,
and a file that breaks it keeps what was read without it.
"""

import functools
import importlib.util
import threading
import time
from dataclasses import replace

from ingest.errors import IngestError
from ingest.protocols import Progress
from ingest.readers import Reader
from ingest.settings import IngestSettings
from ingest.types import Document, Source
from ingest.worker import Sandbox
from retrieval.types import Notice

OCR = Reader(
    "ingest.pdf_ocr",
    "OCR",
    "run OCR on the file with another program and upload the result",
    1,
    ("pypdfium2", "rapidocr", "onnxruntime"),
    "ocr",
)
_NEEDED = ("rapidocr", "onnxruntime", "cv2")  # modules
_WITHOUT_TEXT = frozenset({"pages_without_text", "pages_garbled", "no_text", "garbled"})  # notices and errors
START_S = 60.0  # on a busy machine


def is_installed() -> bool:
    """Whether the optional extra that recognises text is there."""
    return all(importlib.util.find_spec(name) is not None for name in _NEEDED)


class ScanReader:
    """Reads scanned PDFs by OCR, one at a time: each takes up to two processors and a gigabyte of memory.

    ``installed``: whether the extra is there. ``start_s``: what loading libraries and models may take.
    """

    def __init__(self, *, installed: bool, start_s: float = START_S) -> None:
        self._installed, self._start_s = installed, start_s
        self._sandbox = Sandbox({"application/pdf": OCR}, start="single")
        self._one_at_a_time = threading.Lock()

    def complete(
        self,
        found: Document | IngestError,
        source: Source,
        settings: IngestSettings,
        progress: Progress,
        password: str,
    ) -> Document:
        """What was found in a file without OCR, or the same with its scanned pages read where possible.

        A notice says where OCR is not installed (``ocr_not_installed``) or failed (``ocr_failed``, reason).
        Raises the error that was found, with the same hints, where there is no text either way.
        """
        if source.media_type != "application/pdf" or settings.ocr == "off" or not _lacks_text(found):
            return _without_ocr(found)
        if not self._installed:
            return _without_ocr(
                found,
                "or install OCR: pip install 'touchstone-kb[ocr]'",
                Notice.of("ocr_not_installed"),
            )
        with self._one_at_a_time:
            try:
                watch = _Watch(progress, settings.ocr_page_timeout_s, self._start_s)
                return self._sandbox.parse(source, _limits(settings), watch, password)
            except IngestError as error:
                if isinstance(found, IngestError) and error.code in _WITHOUT_TEXT:
                    raise
                reason = str(error).removeprefix(f"{source.name}: ")
                if error.code == "parse_memory":
                    limit = f"{settings.ocr_memory_bytes:,} bytes"
                    reason = f"it needs more than {limit}; raise ingest.ocr_memory_bytes"
                return _without_ocr(found, f"OCR was tried: {reason}", Notice.of("ocr_failed", reason=reason))


@functools.cache
def shared_scan_reader() -> ScanReader:
    """The one of this program."""
    return ScanReader(installed=is_installed())


def identity(settings: IngestSettings) -> tuple[str, ...]:
    """What of OCR the text of a PDF depends on, besides its libraries; for ``parse.parser_identity``."""
    if settings.ocr == "off" or not is_installed():
        return ("ocr/off",)
    return (f"ocr/{OCR.version}", f"page/{settings.ocr_page_timeout_s:g}")


def _lacks_text(found: Document | IngestError) -> bool:
    if isinstance(found, IngestError):
        return found.code in _WITHOUT_TEXT
    return any(notice.code in _WITHOUT_TEXT for notice in found.notices)


def _without_ocr(found: Document | IngestError, hint: str = "", notice: Notice | None = None) -> Document:
    if isinstance(found, IngestError):
        raise IngestError(found.code, f"{found}; {hint}") if hint else found
    return replace(found, notices=(*found.notices, notice)) if notice is not None else found


def _limits(settings: IngestSettings) -> IngestSettings:
    """What reading every page by OCR may take."""
    total_s = settings.parse_timeout_s + settings.max_pages * settings.ocr_page_timeout_s
    return settings.model_copy(
        update={
            "parse_memory_bytes": settings.ocr_memory_bytes,
            "parse_timeout_s": total_s,
            "parse_cpu_s": settings.parse_cpu_s + 2 * int(total_s),  # two threads
        }
    )


class _Watch:
    """Passes progress on, and ends the work where a page takes far longer than it may.

    The process itself looks at the clock between steps; this is for a step that never ends.
    """

    def __init__(self, progress: Progress, page_s: float, start_s: float) -> None:
        self._progress, self._page_s, self._most_s = progress, page_s, start_s + 2 * page_s
        self._done, self._since = -1, time.monotonic()

    def __call__(self, stage: str, done: int, total: int, /) -> None:
        now = time.monotonic()
        if done != self._done:
            self._done, self._since = done, now
        elif now - self._since > self._most_s:
            raise IngestError(
                "parse_timeout",
                f"page {done + 1} was not read within {self._page_s:g} s; raise ingest.ocr_page_timeout_s",
            )
        self._progress(stage, done, total)
