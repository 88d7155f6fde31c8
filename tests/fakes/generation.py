"""Generators without a model, a model server on this machine, and passages to ask about."""

import json
import re
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler

from generation.errors import GenerationError, Truncated
from generation.protocols import Stopped, never
from generation.types import Message, Prompt, Sampling
from retrieval.types import Chunk, Language, Passage
from tests.fakes.http import served


class ScriptedGenerator:
    """Writes what it was told to. A token is a run of non-space characters, or one Han character.

    ``fails_after`` raises ``GenerationError`` once so many tokens are out; ``prompts`` keeps every prompt.
    """

    identity = "scripted/1"

    def __init__(self, answer: str, *, context_tokens: int = 8192, fails_after: int | None = None) -> None:
        self.context_tokens = context_tokens
        self.prompts: list[Prompt] = []
        self._answer = answer
        self._fails_after = fails_after

    def count_tokens(self, messages: Sequence[Message]) -> int:
        """One for each token of the contents and one for each message."""
        return sum(len(_words(message.content)) + 1 for message in messages)

    def stream(self, prompt: Prompt, sampling: Sampling, stopped: Stopped = never) -> Iterator[str]:
        """See the role."""
        self.prompts.append(prompt)
        for written, word in enumerate(_words(self._answer)):
            if stopped():
                return
            if written == self._fails_after:
                raise GenerationError("scripted/1 was told to fail here")
            if written == sampling.max_tokens:
                raise Truncated(f"the answer reached its limit of {sampling.max_tokens} tokens")
            yield word


def _words(text: str) -> list[str]:
    return re.findall(r"\s*(?:[\u3400-\u9fff]|[^\s\u3400-\u9fff]+)|\s+$", text)


def a_passage(
    number: int,
    text: str,
    *,
    title: str = "手册",
    document: str = "",
    headings: tuple[str, ...] = (),
    pages: tuple[int, ...] = (),
    start: int = 0,
    relevance: float | None = 0.9,
) -> Passage:
    """A passage of a document of its own; ``start`` is where its chunk stands there."""
    name = document or f"{title}.md"
    chunk = Chunk(
        id=f"{name}:1:{number}", document_id=name, version=1, collection="kb", document=name,
        title=title, text=text, start=start, end=start + len(text), ordinal=number, tokens=1,
        pages=pages, headings=headings,
    )  # fmt: skip
    return Passage(number, chunk, text, relevance)


def a_prompt(question: str, *passages: Passage, language: Language = "zh") -> Prompt:
    """A prompt with short messages, for generators that need no more."""
    messages = (Message("system", "Answer."), Message("user", question))
    return Prompt(question, language, "", tuple(passages), messages, 10)


@dataclass
class ModelServer:
    """What the server was asked, and where it is; ``hung_up`` is set once a client closed its stream."""

    url: str
    requests: list[dict[str, object]] = field(default_factory=list)
    authorizations: list[str] = field(default_factory=list)
    hung_up: threading.Event = field(default_factory=threading.Event)


@contextmanager
def model_server(lines: Sequence[bytes], *, status: int = 200, pause_s: float = 0.0) -> Iterator[ModelServer]:
    """An HTTP server that answers each request with these lines, ``pause_s`` before each of them."""
    server = ModelServer("")

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            size = int(self.headers["Content-Length"])
            server.requests.append(json.loads(self.rfile.read(size)))
            server.authorizations.append(self.headers.get("Authorization", ""))
            if self.path != "/v1/chat/completions":
                self.send_error(404)
                return
            try:
                self._answer()
            except OSError:
                server.hung_up.set()

        def _answer(self) -> None:
            self.send_response(status)
            self.send_header("Content-Type", "text/event-stream")
            self.end_headers()
            for line in lines:
                if pause_s:
                    self.connection.settimeout(pause_s)
                    try:
                        if self.connection.recv(1) == b"":
                            raise ConnectionResetError
                    except TimeoutError:
                        self.connection.settimeout(None)
                self.wfile.write(line)
                self.wfile.flush()

        def log_message(self, format: str, *args: object) -> None:
            """Silent."""

    with served(Handler) as url:
        server.url = url
        yield server


def chunks(*pieces: str, finish: str = "stop", done: bool = True) -> list[bytes]:
    """Server-sent events of a chat completion that streams these pieces."""
    events: list[object] = [{"choices": [{"delta": {"content": piece}}]} for piece in pieces]
    if finish:
        events.append({"choices": [{"delta": {}, "finish_reason": finish}]})
    lines = [b"data: " + json.dumps(event).encode() + b"\n\n" for event in events]
    return [*lines, b"data: [DONE]\n\n"] if done else lines
