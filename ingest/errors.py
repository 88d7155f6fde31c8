"""What can go wrong in ingestion. Every error carries a stable code and a hint the admin can act on."""

from typing import Literal

FailureCode = Literal[
    "not_found",  # no file or folder at this path
    "empty",  # 0 bytes, or nothing but blank pages
    "too_large",  # over the size limit
    "unsupported_type",  # neither PDF, Markdown nor text, or not what its name says
    "encrypted",  # a password is needed
    "no_pages",  # a valid file without any page
    "no_text",  # pages that show something, but no text layer on any of them (scanned)
    "garbled",  # the text layer decodes to nonsense
    "damaged",  # no reader can open it
    "parse_timeout",
    "parse_memory",
    "parse_crash",
    "undecodable",  # text in no known encoding
    "too_many_pages",
    "too_much_text",
]


class IngestError(Exception):
    """A file that cannot be ingested: ``code`` is stable, the message names the file and the remedy."""

    def __init__(self, code: FailureCode, message: str) -> None:
        super().__init__(message)
        self.code: FailureCode = code


def encrypted(password: str) -> IngestError:
    """The error for a file that this password ("" for none) does not open; the password is not repeated."""
    if password:
        message = "the password given does not open this file; check it and try again"
    else:
        message = "the file is locked with a password; give the password, or upload a copy without one"
    return IngestError("encrypted", message)
