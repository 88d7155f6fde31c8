"""What the rerank routes read and write: the shapes of Jina, Cohere, vLLM, infinity and TEI in two requests.

Sources: the requests and answers of those servers as their documentation and sources have them in July 2026.
A field none of them documents is refused by name, so that a misspelt option is never silently left out.
"""

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field

from app.errors import BadRequest
from retrieval.types import Notice

MAX_INSTRUCTION = 2_000
Text = dict[str, str] | str


class Body(BaseModel):
    """Fields of both requests. Types are taken as they are: "3" is no number."""

    model_config = ConfigDict(extra="forbid", strict=True)

    model: str | None = Field(None, description="any name; the answer says which model judged")
    instruction: str | None = Field(None, max_length=MAX_INSTRUCTION)
    instruct: str | None = Field(None, max_length=MAX_INSTRUCTION, description="SGLang's name for it")
    use_activation: bool = Field(True, description="false: log-odds instead of 0..1 (vLLM)")
    raw_scores: bool = Field(False, description="true: log-odds instead of 0..1 (TEI, infinity)")
    max_tokens_per_doc: int | None = Field(None, ge=1, description="documents are cut to it (Cohere)")
    truncate_prompt_tokens: int | None = Field(None, ge=-1)
    max_tokens_per_query: int | None = Field(None, ge=0)
    priority: int | None = None

    @property
    def wanted(self) -> str | None:
        """The instruction, None where there is none. Raises ``BadRequest`` for two different ones."""
        if self.instruction and self.instruct and self.instruction != self.instruct:
            raise BadRequest("instruction and instruct differ; send one of them")
        return self.instruction or self.instruct

    @property
    def raw(self) -> bool:
        """Whether log-odds are wanted."""
        return self.raw_scores or not self.use_activation

    def ignored(self) -> list[Notice]:
        """A notice ``option_ignored`` (name) for each option that is accepted and does nothing here."""
        doing_nothing = {
            "truncate_prompt_tokens": self.truncate_prompt_tokens not in (None, -1),
            "max_tokens_per_query": bool(self.max_tokens_per_query),
            "priority": bool(self.priority),
        }
        return [Notice.of("option_ignored", name=name) for name, given in doing_nothing.items() if given]


class RerankBody(Body):
    """``documents`` (Jina, Cohere, vLLM, SGLang, infinity) or ``texts`` (TEI) for one query."""

    query: str
    documents: list[Text] | None = None
    texts: list[str] | None = None
    top_n: int | None = Field(None, ge=0, description="0 or missing: all")
    return_documents: bool | None = None
    return_text: bool = False
    rank_fields: list[str] | None = Field(None, description="of documents that are objects (Cohere v1)")
    max_chunks_per_doc: int | None = Field(None, ge=1)
    truncate: bool = False
    truncation_direction: Literal["right", "Right"] = "right"

    def given(self) -> list[str]:
        """The texts to judge, in order. Raises ``BadRequest`` where they cannot be told."""
        if (self.documents is None) == (self.texts is None):
            raise BadRequest("send either documents or texts")
        if self.texts is not None:
            return self.texts
        return [self._text(i, document) for i, document in enumerate(self.documents or ())]

    def ignored(self) -> list[Notice]:
        """As for every body, and ``max_chunks_per_doc``: documents are not split here."""
        more = [Notice.of("option_ignored", name="max_chunks_per_doc")] if self.max_chunks_per_doc else []
        return super().ignored() + more

    def _text(self, index: int, document: Text) -> str:
        if isinstance(document, str):
            return document
        names = self.rank_fields or ["text"]
        missing = [name for name in names if name not in document]
        if missing:
            raise BadRequest(f"documents.{index} has no field {missing[0]!r}; name others in rank_fields")
        return "\n".join(document[name] for name in names)


OneOrMore = Annotated[list[str] | str, Field()]


class ScoreBody(Body):
    """Pairs to score: one first text for all second ones, or as many as those."""

    text_1: OneOrMore | None = None
    queries: OneOrMore | None = None
    data_1: OneOrMore | None = None
    text_2: OneOrMore | None = None
    documents: OneOrMore | None = None
    items: OneOrMore | None = None
    data_2: OneOrMore | None = None

    def pairs(self) -> list[tuple[str, str]]:
        """(query, document) in order. Raises ``BadRequest`` where the two sides do not fit."""
        first = _the_one({"text_1": self.text_1, "queries": self.queries, "data_1": self.data_1})
        second = _the_one(
            {
                "text_2": self.text_2,
                "documents": self.documents,
                "items": self.items,
                "data_2": self.data_2,
            }
        )
        if len(first) == 1:
            first = first * len(second)
        if len(first) != len(second):
            raise BadRequest(f"{len(first)} texts do not fit {len(second)}; send 1 or as many as those")
        return list(zip(first, second, strict=True))


def _the_one(sides: dict[str, list[str] | str | None]) -> list[str]:
    given = [value for value in sides.values() if value is not None]
    if len(given) != 1:
        raise BadRequest(f"send exactly one of {', '.join(sides)}")
    return [given[0]] if isinstance(given[0], str) else given[0]
