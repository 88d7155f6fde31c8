"""What a server writes to its standard error: words or JSON, one line each.

Messages of errors may repeat a question or a name. A line of JSON, which is made to be collected, tells an
error by its type and by where it was raised, and of what fills a sentence only numbers and ids.
"""

import json
import logging
import re
import sys
import traceback
from datetime import UTC, datetime
from typing import TextIO

from app.api_settings import LogSettings

REQUESTS = "touchstone.requests"
ID = re.compile(r"[0-9a-f]{8,64}")


class JsonLines(logging.Formatter):
    """One JSON object a line: time (UTC), level, logger, event, the fields of a request, the error."""

    def format(self, record: logging.LogRecord) -> str:
        """The line, without its end."""
        line: dict[str, object] = {
            "time": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname.lower(),
            "logger": record.name,
            "event": str(record.msg),  # the constant part, with its blanks
            "values": [_told(each) for each in _values(record)],
            **getattr(record, "fields", {}),
        }
        error = record.exc_info[1] if record.exc_info else None
        if error is not None:
            frames = traceback.extract_tb(error.__traceback__)
            line["error"] = type(error).__name__
            line["at"] = [f"{each.filename}:{each.lineno} {each.name}" for each in frames]
        return json.dumps(line, ensure_ascii=False)


def _values(record: logging.LogRecord) -> tuple[object, ...]:
    return record.args if isinstance(record.args, tuple) else ()


def _told(value: object) -> object:
    """Numbers and ids as they are, of anything else its type."""
    if isinstance(value, int | float) or (isinstance(value, str) and ID.fullmatch(value)):
        return value
    return f"<{type(value).__name__}>"


class Words(logging.Formatter):
    """As Python writes it; a request as ``POST /v1/models 200 3.1 ms user ID``."""

    def format(self, record: logging.LogRecord) -> str:
        """The line, without its end."""
        fields: dict[str, object] | None = getattr(record, "fields", None)
        if fields is None:
            return super().format(record)
        told = "{method} {route} {status} {ms} ms {user} {request_id} {problem}".format(**fields)
        return " ".join(told.split())


def configure(settings: LogSettings, stream: TextIO | None = None) -> None:
    """Write warnings, and requests where they are wanted, to ``stream`` (by default standard error)."""
    handler = logging.StreamHandler(stream or sys.stderr)
    handler.setFormatter(JsonLines() if settings.format == "json" else Words())
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(logging.WARNING)
    logging.getLogger(REQUESTS).setLevel(logging.INFO if settings.requests else logging.WARNING)
