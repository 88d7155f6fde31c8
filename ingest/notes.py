"""Puts the words of annotations and form fields at their places among the words of the page."""

from collections.abc import Sequence

from ingest.words import Word


def with_notes(words: Sequence[Word], notes: Sequence[Word]) -> list[Word]:
    """The words with those of annotations at their places: after what stands left of them on their line."""
    merged = list(words)
    for note in notes:
        merged.insert(_place(merged, note), note)
    return merged


def _place(words: Sequence[Word], note: Word) -> int:
    """The index at which a word goes into the order of the others."""
    left: tuple[float, int] | None = None
    below = len(words)
    for index, word in enumerate(words):
        if word.turned != note.turned:
            continue
        overlap = min(word.bottom, note.bottom) - max(word.top, note.top)
        if overlap >= min(word.bottom - word.top, note.bottom - note.top) / 2:
            if word.left <= note.left:
                left = max(left or (word.left, index), (word.left, index))
            else:
                below = min(below, index)
        elif word.top > note.bottom - overlap and below == len(words):
            below = index
    return left[1] + 1 if left is not None else below
