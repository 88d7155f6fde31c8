"""What an answer quotes of one passage."""

from dataclasses import dataclass

from generation.units import Unit
from retrieval.types import Passage


@dataclass(frozen=True, slots=True)
class Excerpt:
    """The units of one passage that an answer quotes, in reading order, and the heading they stand under.

    ``continues``: it goes on where the excerpt before it ends, under the same introduction. Units of kind
    heading are shown as such, never cited.
    """

    passage: Passage
    units: tuple[Unit, ...]
    heading: str
    continues: bool = False
