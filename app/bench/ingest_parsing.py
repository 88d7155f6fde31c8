"""Pages a second: the bare text of pypdfium2 and pypdf, our parser in process, and in its sandbox."""

import importlib
import io
import logging
import os
import time
from collections import defaultdict
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass
from pathlib import Path
from statistics import median

import pypdf
import pypdfium2  # type: ignore[import-untyped] # ships no types

from app.bench.figures import ratio
from app.settings import shipped
from ingest.errors import IngestError
from ingest.load import find_files, to_source
from ingest.protocols import quiet
from ingest.readers import READERS, Limits
from ingest.settings import IngestSettings
from ingest.types import Source
from ingest.worker import Sandbox

OURS, BOXED = "in_process", "sandbox"
Read = Callable[[Source], object]


class PeerFailed(Exception):
    """A bare library could not read a file: its name and the kind of its error."""


@dataclass(frozen=True, slots=True)
class Reading:
    """How often each file is read. A round takes all contenders in turn; pypdf, which is slow, reads once."""

    pages: int = 300
    rounds: int = 5
    pool_files: int = 200


@dataclass(frozen=True, slots=True)
class Raced:
    """One file. ``seconds`` of each contender, the median of its rounds; ratios are medians over rounds."""

    pages: int
    characters: int
    rounds: int
    seconds: dict[str, float]
    pages_per_s: dict[str, float]
    sandbox_over_in_process: float
    in_process_over_pypdfium2: float


def measure_parsing(folder: Path | None, plan: Reading) -> dict[str, object]:
    """Figures for a made PDF of ``plan.pages`` pages, for the PDFs of ``folder``, and for a pool of workers.

    Every round takes each contender in turn on the same bytes; ratios are medians over rounds. Starting the
    sandbox's zygote is not counted: a server does it once.
    """
    logging.getLogger("pypdf").setLevel(logging.CRITICAL)  # it tells of each fault of each file
    settings = IngestSettings()
    made = _source("made.pdf", made_pdf(plan.pages), settings)
    with Sandbox() as sandbox:
        measured: dict[str, object] = {
            "sandbox_starts": sandbox.start,
            "made_pdf": asdict(_race(sandbox, settings, made, plan.rounds)),
        }
        if folder is not None:
            measured["real_pdfs"] = _race_all(sandbox, settings, folder, plan.rounds)
        measured["pool"] = _pool(sandbox, settings, plan)
    measured["load_average"] = os.getloadavg()[0]
    return measured


def made_pdf(pages: int) -> bytes:
    """A PDF of so many pages: those of the demo's PDFs (Chinese and English, text and tables) in turn."""
    sources = [
        pypdfium2.PdfDocument(path)
        for path, _ in find_files([shipped("demo") / "documents"]).files
        if path.suffix == ".pdf"
    ]
    made = pypdfium2.PdfDocument.new()
    while len(made) < pages:
        for source in sources:
            left = pages - len(made)
            if left > 0:
                made.import_pages(source, list(range(min(left, len(source)))))
    out = io.BytesIO()
    made.save(out)
    return out.getvalue()


def _race_all(sandbox: Sandbox, settings: IngestSettings, folder: Path, rounds: int) -> dict[str, object]:
    """Each PDF of the folder that all four can read; ``left_out``: who could not read the others, and why."""
    files: dict[str, Raced] = {}
    left_out: dict[str, str] = {}
    for path, name in find_files([folder]).files:
        if path.suffix.lower() != ".pdf":
            continue
        try:
            source = _source(name, path.read_bytes(), settings)
            files[name] = _race(sandbox, settings, source, rounds)
        except IngestError as error:
            left_out[name] = f"our parser: {error.code}"
        except PeerFailed as error:
            left_out[name] = str(error)
    pages = sum(raced.pages for raced in files.values())
    seconds: dict[str, float] = defaultdict(float)
    for raced in files.values():
        for who, each in raced.seconds.items():
            seconds[who] += each
    return {
        "files": len(files),
        "pages": pages,
        "seconds": {who: round(each, 4) for who, each in seconds.items()},
        "pages_per_s": {who: round(pages / each, 1) for who, each in seconds.items()},
        "left_out": left_out,
        "by_file": {name: asdict(raced) for name, raced in files.items()},
    }


def _race(sandbox: Sandbox, settings: IngestSettings, source: Source, rounds: int) -> Raced:
    """Raises what a contender raises. The sandbox reads first: a file that breaks a reader ends there."""
    document = sandbox.parse(source, settings, quiet, "")
    module = importlib.import_module(READERS[source.media_type].module)
    limits = Limits(settings.max_pages, settings.max_characters)
    contenders: dict[str, Read] = {
        "pypdfium2": peer("pypdfium2", _pdfium_text),
        OURS: lambda each: module.read(each.data, limits, "", lambda done, total: None),
        BOXED: lambda each: sandbox.parse(each, settings, quiet, ""),
    }
    for read in contenders.values():
        read(source)  # fonts, compiled patterns and the like are set up once in a process
    seconds = _rounds(contenders, source, rounds)
    seconds["pypdf"] = _rounds({"pypdf": peer("pypdf", _pypdf_text)}, source, 1)["pypdf"]
    middle = {who: median(each) for who, each in seconds.items()}
    pages = len(document.pages)
    return Raced(
        pages=pages,
        characters=len(document.text),
        rounds=rounds,
        seconds={who: round(each, 4) for who, each in middle.items()},
        pages_per_s={who: round(pages / each, 1) for who, each in middle.items()},
        sandbox_over_in_process=ratio(seconds[BOXED], seconds[OURS]),
        in_process_over_pypdfium2=ratio(seconds[OURS], seconds["pypdfium2"]),
    )


def _rounds(contenders: Mapping[str, Read], source: Source, rounds: int) -> dict[str, list[float]]:
    """Seconds of each by round; another one goes first each round, so that a busy machine hits all alike."""
    names = list(contenders)
    seconds: dict[str, list[float]] = {name: [] for name in names}
    for turn in range(rounds):
        at = turn % len(names)
        for name in names[at:] + names[:at]:
            began = time.perf_counter()
            contenders[name](source)
            seconds[name].append(time.perf_counter() - began)
    return seconds


def _pool(sandbox: Sandbox, settings: IngestSettings, plan: Reading) -> dict[str, object]:
    """Files a second with one worker and with one for each core, in alternating rounds."""
    demo = [
        _source(name, path.read_bytes(), settings)
        for path, name in find_files([shipped("demo") / "documents"]).files
    ]
    sources = [demo[number % len(demo)] for number in range(plan.pool_files)]
    cores = os.cpu_count() or 1

    def parse_all(workers: int) -> float:
        began = time.perf_counter()
        with ThreadPoolExecutor(workers) as pool:
            for document in pool.map(lambda each: sandbox.parse(each, settings, quiet, ""), sources):
                if not document.text:
                    raise ValueError(f"{document.source.name} has no text: its time would say nothing")
        return time.perf_counter() - began

    seconds: dict[int, list[float]] = {1: [], cores: []}
    for turn in range(plan.rounds):
        for workers in list(seconds)[:: 1 if turn % 2 else -1]:
            seconds[workers].append(parse_all(workers))
    per_s = {str(workers): round(len(sources) / median(each), 1) for workers, each in seconds.items()}
    return {
        "files": len(sources),
        "files_per_s_by_workers": per_s,
        "times_one_worker": ratio(seconds[1], seconds[cores]),
    }


def _source(name: str, data: bytes, settings: IngestSettings) -> Source:
    return to_source(data, name=name, collection="", document_id="bench", settings=settings)


def peer(name: str, read: Read) -> Read:
    """The same, but whatever it raises becomes ``PeerFailed``."""

    def call(source: Source) -> object:
        try:
            return read(source)
        except Exception as error:  # foreign code on broken files: of any kind, and named in the result
            raise PeerFailed(f"{name}: {type(error).__name__}") from error

    return call


def _pdfium_text(source: Source) -> int:
    """Characters of all pages. Closing is part of reading: nothing is left to the garbage collector."""
    document = pypdfium2.PdfDocument(source.data)
    try:
        return sum(_page_text(document, number) for number in range(len(document)))
    finally:
        document.close()


def _page_text(document: pypdfium2.PdfDocument, number: int) -> int:
    page = document[number]
    text = page.get_textpage()
    try:
        return len(text.get_text_range())
    finally:
        text.close()
        page.close()


def _pypdf_text(source: Source) -> int:
    return sum(len(page.extract_text()) for page in pypdf.PdfReader(io.BytesIO(source.data)).pages)

