"""What a worksheet's XML says and openpyxl does not: hidden rows and columns, formulas that lack values.

Runs only inside the parser process. One pass with expat, before any cell is built, so that a sheet too large
to read is refused while it is still cheap to.
"""

from dataclasses import dataclass, field
from xml.parsers import expat

from ingest.errors import IngestError

_LAST_COLUMN, _LAST_ROW = 16_384, 1_048_576  # of a worksheet (XFD1048576)


@dataclass(slots=True)
class Survey:
    """``positions``: how many cells its rows span, counted from column A to the last cell of each row."""

    positions: int = 0
    last_row: int = 0
    unvalued: int = 0
    hidden_rows: set[int] = field(default_factory=set)
    hidden_columns: set[int] = field(default_factory=set)


class _Surveyor:
    def __init__(self, most: int) -> None:
        self.survey = Survey()
        self._most = most
        self._row = self._column = 0
        self._formula = self._value = self._text = self._inside = False

    def start(self, name: str, attributes: dict[str, str]) -> None:
        tag = name.rpartition(":")[2]
        if tag == "c":
            self._cell(attributes)
        elif tag == "f":
            self._formula = True
        elif tag == "is":
            self._value = True
        elif tag == "v":
            self._inside = True
            self._value = self._text
        elif tag == "row":
            self._row = _integer(attributes.get("r"), self._row + 1)
            self._column = 0
            if attributes.get("hidden") in ("1", "true"):
                self.survey.hidden_rows.add(self._row)
        elif tag == "col" and attributes.get("hidden") in ("1", "true"):
            first = _integer(attributes.get("min"), 1)
            last = min(_integer(attributes.get("max"), first), _LAST_COLUMN)
            self.survey.hidden_columns.update(range(first, last + 1))

    def characters(self, _: str) -> None:
        """The text of an element; only that of a value counts."""
        self._value = self._value or self._inside

    def end(self, name: str) -> None:
        tag = name.rpartition(":")[2]
        if tag == "v":
            self._inside = False
        elif tag == "c":
            self.survey.unvalued += self._formula and not self._value
            self._formula = self._value = False
        elif tag == "row":
            self.survey.positions += self._column
            if self.survey.positions > self._most:
                raise IngestError(
                    "too_much_text",
                    f"one of its sheets spans more than {self._most:,} cells; delete unused rows and "
                    "columns, split the file, or raise ingest.max_characters",
                )

    def _cell(self, attributes: dict[str, str]) -> None:
        self._column = _column(attributes.get("r", "")) or self._column + 1
        self._text = attributes.get("t") == "str"  # an empty text is a value, too
        if self._column > _LAST_COLUMN or not 0 < self._row <= _LAST_ROW:
            raise IngestError(
                "damaged",
                f"a cell stands in row {self._row:,}, column {self._column:,}; a worksheet ends at row "
                f"{_LAST_ROW:,}, column {_LAST_COLUMN:,}; open it in Excel and save it again",
            )
        self.survey.last_row = max(self.survey.last_row, self._row)


def survey(part: bytes, most_positions: int) -> Survey:
    """The survey of a worksheet part.

    Raises ``IngestError``: too_much_text where its rows span more cells than that; damaged.
    """
    surveyor = _Surveyor(most_positions)
    parser = expat.ParserCreate()
    parser.StartElementHandler = surveyor.start
    parser.EndElementHandler = surveyor.end
    parser.CharacterDataHandler = surveyor.characters
    try:
        parser.Parse(part, True)
    except expat.ExpatError as error:
        raise IngestError(
            "damaged", f"the XML of one of its sheets is broken ({error}); open it in Excel and save it again"
        ) from error
    return surveyor.survey


def _column(reference: str) -> int:
    """The number of the column in a reference like AB12, 0 where there is none."""
    number = 0
    for character in reference[:4]:
        if not "A" <= character <= "Z":
            break
        number = number * 26 + ord(character) - 64
    return number


def _integer(value: str | None, otherwise: int) -> int:
    try:
        return int(float(value or ""))
    except (ValueError, OverflowError):
        return otherwise
