"""The parser subprocess: PDF bytes on standard input, JSON on standard output (see ``worker``).

Started as ``python -I -c`` with the folder that holds these packages as first argument, then the limits:
address space in bytes, processor seconds, pages, characters.
"""

import resource
import sys
import traceback
from pathlib import Path

_MAX_OPEN_FILES = 64
_LAST_SECONDS = 5  # between SIGXCPU, which names the reason, and SIGKILL


def main(arguments: list[str]) -> None:
    """Limit this process, then parse standard input.

    The limits are set here, not between fork and exec in the parent, where nothing is safe in a program with
    threads; and before any library that reads the file is loaded.
    """
    memory, cpu_s, max_pages, max_characters = map(int, arguments)
    _limit(resource.RLIMIT_AS, memory)
    _limit(resource.RLIMIT_CPU, cpu_s, _LAST_SECONDS)
    _limit(resource.RLIMIT_FSIZE, 0)
    _limit(resource.RLIMIT_CORE, 0)
    _limit(resource.RLIMIT_NOFILE, _MAX_OPEN_FILES)
    from ingest.errors import IngestError
    from ingest.pdf import Limits, read_pdf
    from ingest.wire import encode

    data = sys.stdin.buffer.read()
    try:
        reply = encode(read_pdf(data, Limits(max_pages, max_characters)))
    except IngestError as error:
        reply = encode(error)
    except MemoryError:
        reply = b'{"error":["parse_memory",""]}'
    except Exception as error:  # noqa: BLE001 - the parent must hear where, and never the document's text
        message = f"the PDF parser failed ({_where(error)}); report this file"
        reply = encode(IngestError("parse_crash", message))
    sys.stdout.buffer.write(reply)
    sys.stdout.buffer.flush()


def _limit(kind: int, soft: int, reserve: int = 0) -> None:
    _, hard = resource.getrlimit(kind)
    ceiling = soft + reserve if hard == resource.RLIM_INFINITY else min(soft + reserve, hard)
    resource.setrlimit(kind, (min(soft, ceiling), ceiling))


def _where(error: Exception) -> str:
    frames = traceback.extract_tb(error.__traceback__)
    place = f"{Path(frames[-1].filename).name}:{frames[-1].lineno}" if frames else "unknown place"
    return f"{type(error).__name__} in {place}"
