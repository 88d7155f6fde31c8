"""A worker's first stage: a file's bytes are parsed in the sandbox and cut, as a job's are."""

import functools
import logging
import time
from collections.abc import Callable

from app.bulk.parcels import Parcel
from app.bulk.terms import Terms, TermsDiffer, check_software
from app.chunk_tokens import read_tokens
from app.jobs.cutting import cut
from ingest.errors import IngestError
from ingest.load import to_source
from ingest.parse import parse
from rerank.protocols import PassageTokenizer

log = logging.getLogger(__name__)


class Reading:
    """Reads one file after the other. ``bytes_of`` a SHA-256 fetches what the owner keeps under it."""

    def __init__(
        self,
        terms: Terms,
        *,
        tokenizer: Callable[[], PassageTokenizer | None],
        bytes_of: Callable[[str], bytes],
    ) -> None:
        """``tokenizer`` opens the reranker's, where the terms name one."""
        self._terms = terms
        self._bytes_of = bytes_of
        self._differs = ""
        try:
            check_software(terms)
            self._read_tokens = functools.partial(read_tokens, self._opened(tokenizer))
        except Exception as error:
            log.exception("this worker cannot read files for the owner")
            self._differs = str(error)

    def __call__(self, parcel: Parcel) -> Parcel:
        """The parcel, filled with document and chunks or refused. Nothing is raised."""
        if self._differs:
            parcel.refuse("differs", "", self._differs)
            return parcel
        try:
            self._read(parcel)
        except IngestError as error:
            parcel.refuse("file", error.code, str(error))
        except Exception as error:
            log.exception("job %s", parcel.job_id)
            parcel.refuse("here", "", f"{type(error).__name__}: {error}")
        return parcel

    def _read(self, parcel: Parcel) -> None:
        ingest = self._terms.settings.ingest
        source = to_source(
            self._bytes_of(parcel.sha256),
            name=parcel.name,
            collection=parcel.collection_id,
            document_id="",
            settings=ingest,
        )
        began = time.perf_counter()
        document = parse(source, ingest)
        parsed = time.perf_counter()
        made = cut(document, self._terms.sizes[parcel.collection_id], self._read_tokens)
        parcel.parse_s, parcel.chunk_s = parsed - began, time.perf_counter() - parsed
        parcel.fill(made)

    def _opened(self, tokenizer: Callable[[], PassageTokenizer | None]) -> PassageTokenizer | None:
        if not self._terms.tokenizer:
            return None
        found = tokenizer()
        if found is None or found.tokenizer_identity != self._terms.tokenizer:
            raise TermsDiffer(
                f"a worker's reranker reads tokens by {found and found.tokenizer_identity}, that of this "
                f"machine by {self._terms.tokenizer}; give both the same weights and the same release of "
                "tokenizers"
            )
        return found
