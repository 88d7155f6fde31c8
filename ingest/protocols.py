"""The roles of ingestion."""

from typing import Protocol


class Progress(Protocol):
    """Hears how far a step has come. It may raise to stop the work; what it raises is passed on unchanged."""

    def __call__(self, stage: str, done: int, total: int, /) -> None:
        """``done`` of ``total`` (≥ 1) units of a stage (parse, chunk, embed) are finished."""


def quiet(stage: str, done: int, total: int, /) -> None:
    """The ``Progress`` of callers who do not want to hear."""
