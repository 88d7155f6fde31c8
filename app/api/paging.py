"""Long lists in pieces: ``?limit=…&cursor=…`` gives ``{data, next_cursor}``; cursors are read only here."""

import base64
import binascii
from collections.abc import Callable, Sequence
from typing import Annotated, TypeVar

from fastapi import Query

from app.errors import BadRequest

R = TypeVar("R")
PAGE, LARGEST_PAGE = 50, 200
MOST_DIGITS = 18  # of a number that the database can hold

Cursor = Annotated[str, Query(max_length=1024, description="`next_cursor` of the page before")]
Limit = Annotated[int, Query(ge=1, le=LARGEST_PAGE)]


def page_of(
    rows: Sequence[R], place: Callable[[R], str], *, cursor: str, limit: int, newest_first: bool = False
) -> tuple[tuple[R, ...], str | None]:
    """The rows behind a cursor, at most ``limit``, by ``place``, and the cursor of the next page.

    ``place`` is unique to a row, so whatever comes or goes meanwhile, no row that stays is passed over or
    given twice. Raises ``BadRequest`` for a cursor that no page gave.
    """
    ordered = sorted(rows, key=place, reverse=newest_first)
    if cursor:
        after = place_of(cursor)
        ordered = [each for each in ordered if (place(each) < after if newest_first else place(each) > after)]
    shown = tuple(ordered[:limit])
    return shown, written(place(shown[-1])) if len(ordered) > limit else None


def written(place: str) -> str:
    """The cursor of what stands behind a place."""
    return base64.urlsafe_b64encode(place.encode()).decode().rstrip("=")


def place_of(cursor: str) -> str:
    """The place a cursor was written for. Raises ``BadRequest``."""
    try:
        place = base64.b64decode(cursor + "=" * (-len(cursor) % 4), altchars=b"-_", validate=True).decode()
    except (binascii.Error, ValueError):
        place = ""
    if not place or written(place) != cursor:
        raise BadRequest(f"cursor {cursor[:80]!r} is not one that a page gave; leave it out to begin anew")
    return place


def number_of(cursor: str) -> int:
    """The place a cursor was written for, where places are numbers. Raises ``BadRequest``."""
    place = place_of(cursor)
    if not (place.isascii() and place.isdecimal() and len(place) <= MOST_DIGITS):
        raise BadRequest(f"cursor {cursor[:80]!r} is not one that a page gave; leave it out to begin anew")
    return int(place)
