"""Tables in plain text (.csv, .tsv) → one table. Runs only inside the parser process (see ``readers``).

The delimiter is the one under which the rows agree best on their number of fields. (``csv.Sniffer`` looks at
how often characters come, and takes letters and spaces for delimiters in tables of prose.)
"""

import csv
import io
from collections import Counter
from collections.abc import Callable, Iterator
from itertools import islice

from ingest.blocks import Writer, has_header, row, without_empty_columns
from ingest.decode import decode
from ingest.readers import Limits
from ingest.wire import Parsed
from retrieval.types import Notice

DELIMITERS = ",\t;|"  # in the order of preference where they do equally well
_SAMPLE = 65_536  # characters
_SAMPLE_ROWS = 200
_REPORT_EVERY = 5_000  # rows


def read(data: bytes, limits: Limits, password: str, progress: Callable[[int, int], None]) -> Parsed:
    """The document: lone lines at the top as captions, then one table (a list where it has no header).

    Rows with more or fewer fields than the first are kept and counted in a notice. A quote that is never
    closed is read as text, with a notice. Raises ``IngestError``: undecodable, too_much_text.
    """
    text = decode(data)
    writer = Writer(limits)
    delimiter, text = _declared(text)
    rows, unclosed = _rows(text, delimiter or _delimiter(text), limits, progress)
    start = next((at for at, cells in enumerate(rows) if len(cells) > 1), 0)
    for cells in rows[:start]:
        writer.add("paragraph", cells[0])
    table = rows[start:]
    ragged = sum(1 for cells in table[1:] if len(cells) != len(table[0]))
    writer.rows([row(cells) for cells in without_empty_columns(table)], header=has_header(table))
    notices = [Notice.of("unclosed_quote", line=unclosed)] if unclosed else []
    notices += [Notice.of("ragged_rows", count=ragged, columns=len(table[0]))] if ragged else []
    return writer.parsed("", notices)


def _declared(text: str) -> tuple[str, str]:
    """The delimiter that a first line like ``sep=;`` declares for Excel ("" for none), and the rest."""
    first, _, rest = text.partition("\n")
    declared = first.strip().strip('"').lower()
    if declared.startswith("sep=") and len(declared) == 5:
        return declared[4], rest
    return ("\t", rest) if declared == "sep=" and first.rstrip("\n").endswith("\t") else ("", text)


def _delimiter(text: str) -> str:
    sample = text[:_SAMPLE]
    if len(text) > _SAMPLE:
        sample = sample.rpartition("\n")[0] or sample
    scores = {delimiter: _agreement(sample, delimiter) for delimiter in DELIMITERS}
    return max(DELIMITERS, key=lambda delimiter: (scores[delimiter], -DELIMITERS.index(delimiter)))


def _agreement(sample: str, delimiter: str) -> tuple[float, int]:
    """(share of rows that have the most common number of fields, that number); (0, 0) where it is one."""
    reader = csv.reader(io.StringIO(sample, newline=""), delimiter=delimiter)
    widths = Counter(len(cells) for cells in islice(reader, _SAMPLE_ROWS) if any(cells))
    if not widths:
        return 0.0, 0
    width, count = max(widths.items(), key=lambda item: (item[1], item[0]))
    return (count / widths.total(), width) if width > 1 else (0.0, 0)


def _rows(
    text: str, delimiter: str, limits: Limits, progress: Callable[[int, int], None]
) -> tuple[list[list[str]], int]:
    """The rows that are not blank, and the line (from 1) of a quote that is never closed, 0 for none."""
    csv.field_size_limit(limits.max_characters)
    lines = text.split("\n")
    source = _Lines(lines)
    rows: list[list[str]] = []
    begun = 0
    reader = csv.reader(source, delimiter=delimiter)
    for cells in reader:
        if source.exhausted:  # the row was given only because the text ended: a quote is still open
            plain = csv.reader(lines[begun:], delimiter=delimiter, quoting=csv.QUOTE_NONE)
            return rows + [each for each in plain if any(map(str.strip, each))], begun + 1
        begun = reader.line_num
        if any(map(str.strip, cells)):
            rows.append(cells)
        if len(rows) % _REPORT_EVERY == 0:
            progress(min(begun, len(lines)), len(lines))
    return rows, 0


class _Lines:
    """Lines with their ends, and whether all have been taken."""

    def __init__(self, lines: list[str]) -> None:
        self._lines = iter(lines)
        self.exhausted = False

    def __iter__(self) -> Iterator[str]:
        return self

    def __next__(self) -> str:
        try:
            return next(self._lines) + "\n"
        except StopIteration:
            self.exhausted = True
            raise
