"""Lines of JSON and of tab-separated judgements, with errors that name file and line."""

import csv
import json
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from app.errors import TouchstoneError

Row = Mapping[str, object]


class SetUnreadable(TouchstoneError):
    """A set of questions cannot be read; the message names the file, and the line where there is one.

    ``lines``: (line, what is wrong there), where several were looked at.
    """

    code = "set_unreadable"

    def __init__(self, message: str, lines: Sequence[tuple[int, str]] = ()) -> None:
        super().__init__(message)
        self.lines = tuple(lines)


def read_rows(path: Path) -> Iterator[Row]:
    """The objects of a JSON Lines file that have ``_id`` and ``text``. Raises ``SetUnreadable``."""
    seen: set[str] = set()
    for number, line in enumerate(read_text(path).splitlines(), 1):
        if not line.strip():
            continue
        try:
            row = json.loads(line)
            known = str(row["_id"])
            _ = row["text"]
        except (ValueError, KeyError, TypeError) as error:
            raise SetUnreadable(f"{path}:{number} cannot be read: {error!r}") from error
        if known in seen:
            raise SetUnreadable(f"{path}:{number}: _id {known!r} was there before; ids must differ")
        seen.add(known)
        yield row


def read_judgements(path: Path) -> dict[str, dict[str, float]]:
    """Query id -> document id -> gain, of BEIR's three columns; the header may be missing."""
    found: dict[str, dict[str, float]] = defaultdict(dict)
    for number, row in enumerate(csv.reader(read_text(path).splitlines(), delimiter="\t"), 1):
        if not row or row[:2] == ["query-id", "corpus-id"]:
            continue
        try:
            query, document, gain = row
            found[query][document] = float(gain)
        except ValueError as error:
            raise SetUnreadable(
                f"{path}:{number} is not `query-id<TAB>corpus-id<TAB>score`: {error}"
            ) from error
    return dict(found)


def texts(row: Row, name: str) -> tuple[str, ...]:
    """A list of strings, or none. Raises ``TypeError``."""
    value = row.get(name, ())
    if not isinstance(value, list | tuple):
        raise TypeError(f"{name} is not a list")
    return tuple(str(each) for each in value)


def read_text(path: Path) -> str:
    """A UTF-8 file, with or without a byte order mark."""
    try:
        return path.read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        raise SetUnreadable(f"{path} cannot be read: {error}") from error
