"""Notices as they are kept in rows: JSON pairs of code and values."""

import json
from collections.abc import Sequence

from retrieval.types import Notice


def pack_notices(notices: Sequence[Notice]) -> str:
    """Notices as the text of a column."""
    return json.dumps([[notice.code, dict(notice.values)] for notice in notices], ensure_ascii=False)


def unpack_notices(text: str) -> tuple[Notice, ...]:
    """The notices of a column."""
    return tuple(Notice.of(code, **values) for code, values in json.loads(text))
