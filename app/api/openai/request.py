"""What a program asks of ``/v1/chat/completions``: a conversation, and what Touchstone can do beyond it."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, JsonValue

from app.api.openai import options
from app.api.rerank_shapes import MAX_INSTRUCTION
from app.conversation import MOST_EXCHANGES
from app.errors import InvalidParameter, Unsupported
from generation.settings import GenerationSettings
from generation.types import Sampling
from retrieval.types import Exchange, Notice

Refused = Annotated[JsonValue, Field(description="not supported: refused unless it asks for nothing")]
WithoutEffect = Annotated[JsonValue, Field(description="taken without effect, and the answer says so")]
MOST_MESSAGES = 2_000
MAX_QUESTION, MAX_ANSWER = 2_000, 50_000  # characters of an earlier question and answer that is read


class Part(BaseModel):
    """A part of a message; only text is read."""

    model_config = ConfigDict(extra="allow")

    type: str
    text: str | None = None


class ChatMessage(BaseModel):
    """A message. Beside role and content, what earlier answers carried may come back; it is not read."""

    model_config = ConfigDict(extra="allow")

    role: Literal["system", "developer", "user", "assistant", "tool", "function"]
    content: str | list[Part] | None = None

    def text(self, place: str) -> str:
        """The words. Raises ``Unsupported`` for anything that is none."""
        if self.role in ("tool", "function") or (self.model_extra or {}).get("tool_calls"):
            raise Unsupported(f"{place}.role", f"{place} is of a tool: {options.NO_TOOLS}; leave it out")
        if self.content is None or isinstance(self.content, str):
            return self.content or ""
        for i, part in enumerate(self.content):
            if part.type != "text" or part.text is None:
                raise Unsupported(
                    f"{place}.content.{i}",
                    f"{place}.content.{i} is of type {part.type[:40]!r}: {options.TEXT_ONLY}; send type text",
                )
        return "\n".join(part.text or "" for part in self.content)


class Extension(BaseModel):
    """What Touchstone takes besides: where to search, how many passages, what the reranker should prefer."""

    model_config = ConfigDict(extra="forbid")

    collections: list[str] | None = Field(
        None, min_length=1, max_length=100, description="names of knowledge bases; missing: all you can see"
    )
    top_k: int | None = Field(None, ge=1, le=1000, description="candidates handed to the reranker")
    top_n: int | None = Field(None, ge=1, le=50, description="passages the answer is written from")
    instruction: str | None = Field(
        None, max_length=MAX_INSTRUCTION, description="what the reranker should prefer"
    )
    rerank: bool = True


class StreamOptions(BaseModel):
    """How to stream. ``include_obfuscation`` is taken as OpenAI's clients send it; nothing is padded."""

    model_config = ConfigDict(extra="forbid")

    include_usage: bool = False
    include_obfuscation: bool = False


@dataclass(frozen=True, slots=True)
class Conversation:
    """A question with the exchanges before it, earliest first, and what has to be said about the rest."""

    question: str
    history: tuple[Exchange, ...]
    notices: tuple[Notice, ...]


class ChatBody(BaseModel):
    """A request for a chat completion. What other servers know and this one does not is refused by name."""

    model_config = ConfigDict(extra="forbid")

    model: str = Field(
        min_length=1,
        max_length=200,
        description="touchstone, touchstone/ and a knowledge base, or the name of an assistant",
    )
    messages: list[ChatMessage] = Field(min_length=1, max_length=MOST_MESSAGES)
    stream: bool | None = None
    stream_options: StreamOptions | None = None
    temperature: float | None = Field(None, ge=0, le=2)
    top_p: float | None = Field(None, gt=0, le=1)
    seed: int | None = None
    max_tokens: int | None = Field(None, ge=1)
    max_completion_tokens: int | None = Field(None, ge=1)
    touchstone: Extension | None = None
    rag: Extension | None = Field(None, description="another name for touchstone")
    tools: Refused = None
    tool_choice: Refused = None
    functions: Refused = None
    function_call: Refused = None
    parallel_tool_calls: WithoutEffect = None
    web_search_options: Refused = None
    n: Refused = None
    logprobs: Refused = None
    top_logprobs: Refused = None
    logit_bias: Refused = None
    stop: Refused = None
    modalities: Refused = None
    audio: Refused = None
    prediction: Refused = None
    response_format: Refused = None
    frequency_penalty: WithoutEffect = None
    presence_penalty: WithoutEffect = None
    reasoning_effort: WithoutEffect = None
    verbosity: WithoutEffect = None
    store: WithoutEffect = None
    metadata: WithoutEffect = None
    service_tier: WithoutEffect = None
    user: WithoutEffect = None
    safety_identifier: WithoutEffect = None
    prompt_cache_key: WithoutEffect = None
    prompt_cache_retention: WithoutEffect = None

    @property
    def given(self) -> dict[str, JsonValue]:
        """The options that mean nothing here, as they came."""
        return {name: getattr(self, name) for name in (*options.REFUSED, *options.WITHOUT_EFFECT)}

    @property
    def extension(self) -> Extension:
        """What was said under ``touchstone`` or ``rag``. Raises ``InvalidParameter`` for both."""
        if self.touchstone is not None and self.rag is not None:
            raise InvalidParameter("rag", "touchstone and rag are two names of one object; send one of them")
        return self.touchstone or self.rag or Extension()

    def conversation(self) -> Conversation:
        """The question and what came before. Raises ``InvalidParameter``.

        Notices: ``system_message_ignored``, and ``messages_left_out`` (count, most) for earlier ones that are
        too many or too long.
        """
        said = [(each.role, each.text(f"messages.{i}")) for i, each in enumerate(self.messages)]
        instructs = any(role in ("system", "developer") and text.strip() for role, text in said)
        turns = [(role, text) for role, text in said if role in ("user", "assistant")]
        if not turns or turns[-1][0] != "user":
            raise InvalidParameter("messages", "the last message must be the question, of role user")
        history = _exchanges(turns[:-1])
        read = sum(1 + bool(each.answer) for each in history)
        left_out = sum(bool(text) for _, text in turns[:-1]) - read
        notices = [Notice.of("system_message_ignored")] if instructs else []
        if left_out:
            notices.append(Notice.of("messages_left_out", count=left_out, most=MOST_EXCHANGES))
        return Conversation(turns[-1][1], history, tuple(notices))

    def sampling(self, settings: GenerationSettings, *, samples: bool) -> tuple[Sampling, tuple[Notice, ...]]:
        """How tokens are chosen: as asked, else as the settings say. Raises ``InvalidParameter``.

        ``samples``: the generator chooses tokens; one that only quotes takes nothing but ``max_tokens``.
        Notices: ``option_ignored`` (name), ``answer_shortened`` (asked, most).
        """
        if None not in (self.max_tokens, self.max_completion_tokens) and (
            self.max_tokens != self.max_completion_tokens
        ):
            raise InvalidParameter("max_tokens", "max_tokens and max_completion_tokens differ; send one")
        asked = self.max_completion_tokens or self.max_tokens
        chosen = {"temperature": self.temperature, "top_p": self.top_p, "seed": self.seed}
        notices = [
            Notice.of("option_ignored", name=name)
            for name, value in chosen.items()
            if value is not None and not samples
        ]
        if asked is not None and asked > settings.max_tokens:
            notices.append(Notice.of("answer_shortened", asked=asked, most=settings.max_tokens))
        sampling = Sampling(
            temperature=settings.temperature if self.temperature is None else self.temperature,
            top_p=settings.top_p if self.top_p is None else self.top_p,
            max_tokens=min(asked or settings.max_tokens, settings.max_tokens),
            seed=settings.seed if self.seed is None else self.seed,
        )
        return sampling, tuple(notices)


def _exchanges(turns: Sequence[tuple[str, str]]) -> tuple[Exchange, ...]:
    """The last exchanges that are within the limits, earliest first."""
    found: list[Exchange] = []
    for role, text in turns:
        if role == "user":
            found.append(Exchange(text, ""))
        elif found and not found[-1].answer:
            found[-1] = Exchange(found[-1].question, text)
    fitting = [
        each for each in found if 0 < len(each.question) <= MAX_QUESTION and len(each.answer) <= MAX_ANSWER
    ]
    return tuple(fitting[-MOST_EXCHANGES:])
