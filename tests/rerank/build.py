"""Candidates for the tests of this folder."""

from retrieval.types import Candidate, Chunk


def candidate(text: str, *, rank: int = 1, title: str = "T", headings: tuple[str, ...] = ()) -> Candidate:
    """A candidate whose chunk id carries its rank and whose context line is made of title and headings."""
    chunk = Chunk(
        id=f"d{rank}:1:0", document_id=f"d{rank}", version=1, collection="c", document=f"{title}.md",
        title=title, text=text, start=0, end=len(text), ordinal=0, tokens=len(text), headings=headings,
    )  # fmt: skip
    return Candidate(chunk, (), 1.0 / rank, rank)


def candidates(*texts: str) -> list[Candidate]:
    """Candidates with fused ranks in the order given."""
    return [candidate(text, rank=rank) for rank, text in enumerate(texts, start=1)]
