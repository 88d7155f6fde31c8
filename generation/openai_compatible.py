"""A language model behind a server that speaks OpenAI's chat completions (vLLM, Ollama, llama.cpp)."""

import json
import socket
import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager

import httpx

from generation.chat_tokens import broken_up
from generation.errors import GenerationError, GeneratorUnavailable, Truncated
from generation.estimate import estimate_message_tokens
from generation.protocols import Stopped, never
from generation.thinking import without_thoughts
from generation.types import Message, Prompt, Sampling

CONNECT_TIMEOUT_S = 10.0
_EXAMPLE = "http://localhost:8000/v1"
_STOP_POLL_S = 0.05
_SHOWN_CHARACTERS = 300
"""How much of a server's own error message is repeated."""


class OpenAICompatibleGenerator:
    """Streams answers from ``<url>/v1/chat/completions``.

    ``url`` may end before or after ``/v1``. ``context_tokens`` is what the server's model reads, prompt
    and answer together (the API does not tell). Proxy settings of the environment are ignored, so
    questions and passages go to this URL and nowhere else. Control tokens spelled in messages are broken
    up, since the server would read them as such. Thoughts (``<think>…</think>`` at the start) are left out.
    """

    def __init__(
        self, url: str, *, model: str, context_tokens: int, api_key: str = "", timeout_s: float = 300.0
    ) -> None:
        try:
            parsed = httpx.URL(url)
        except httpx.InvalidURL as error:
            raise GeneratorUnavailable(f"{url!r} is not a URL ({error}); it looks like {_EXAMPLE}") from error
        if parsed.scheme not in ("http", "https") or not parsed.host:
            raise GeneratorUnavailable(f"{url!r} is not the URL of a server; it looks like {_EXAMPLE}")
        base = url.rstrip("/")
        self._endpoint = base + ("" if base.endswith("/v1") else "/v1") + "/chat/completions"
        self._server = parsed.netloc.decode("ascii")
        self._model = model
        self._context_tokens = context_tokens
        self._headers = {"Authorization": f"Bearer {api_key}"} if api_key else {}
        self._timeout_s = timeout_s

    @property
    def identity(self) -> str:
        """Model and server; what revision and dtype the server runs, it does not tell."""
        return f"{self._model}@{self._server}"

    @property
    def context_tokens(self) -> int:
        """As given; the API does not tell."""
        return self._context_tokens

    def count_tokens(self, messages: Sequence[Message]) -> int:
        """An estimate, rather too high than too low: the API has no way to ask (see ``estimate_tokens``)."""
        return estimate_message_tokens(messages)

    def stream(self, prompt: Prompt, sampling: Sampling, stopped: Stopped = never) -> Iterator[str]:
        """The answer piece by piece, as ``Generator.stream`` promises.

        Once ``stopped`` is true the connection is closed within a twentieth of a second, also while the
        server still reads the prompt, so that it can free its model. ``timeout_s`` bounds the wait for
        each piece.
        """
        return without_thoughts(_whole_characters(self._pieces(prompt, sampling, stopped)))

    def _pieces(self, prompt: Prompt, sampling: Sampling, stopped: Stopped) -> Iterator[str]:
        if stopped():
            return
        timeout = httpx.Timeout(self._timeout_s, connect=min(CONNECT_TIMEOUT_S, self._timeout_s))
        line = _Line()
        try:
            with (
                _hanging_up(line, stopped),
                httpx.Client(timeout=timeout, trust_env=False) as client,
                client.stream(
                    "POST",
                    self._endpoint,
                    json=self._body(prompt, sampling),
                    headers=self._headers,
                    extensions={"trace": line.trace},
                ) as response,
            ):
                if response.status_code != httpx.codes.OK:
                    raise self._refusal(response)
                yield from self._contents(response, stopped)
        except httpx.HTTPError as error:
            if not stopped():
                raise self._failure(error) from error

    def _body(self, prompt: Prompt, sampling: Sampling) -> Mapping[str, object]:
        return {
            "model": self._model,
            "messages": [
                {"role": message.role, "content": broken_up(message.content)} for message in prompt.messages
            ],
            "stream": True,
            "temperature": sampling.temperature,
            "top_p": sampling.top_p,
            "max_tokens": sampling.max_tokens,
            "seed": sampling.seed,
        }

    def _contents(self, response: httpx.Response, stopped: Stopped) -> Iterator[str]:
        finish = ""
        for data in _server_sent_data(response.iter_bytes()):
            if stopped():
                return
            if data == b"[DONE]":
                break
            content, reason = self._chunk(data)
            finish = reason or finish
            if content:
                yield content
        else:
            if not finish and not stopped():
                raise GenerationError(
                    f"{self._server} ended its answer midway (no finish_reason, no [DONE]): see "
                    "the server's log; it may have run out of memory or been restarted"
                )
        if finish == "length":
            raise Truncated(f"{self.identity} reached its token limit")

    def _chunk(self, data: bytes) -> tuple[str, str]:
        """Content and finish reason of a chat completion chunk, empty where it has none.

        Read by hand, because typed JSON readers refuse the halves of characters that some servers send.
        """
        try:
            event = json.loads(data)
            if error := event.get("error"):
                reason = error.get("message", error) if isinstance(error, dict) else error
                said = " ".join(str(reason).split())
                raise GenerationError(f"{self._server} failed while it answered: {said[:_SHOWN_CHARACTERS]}")
            choice = event["choices"][0] if event["choices"] else {}
            content = (choice.get("delta") or {}).get("content") or ""
            reason = choice.get("finish_reason") or ""
        except (ValueError, LookupError, AttributeError, TypeError) as error:
            raise GenerationError(
                f"{self._server} sent something that is no chat completion chunk ({len(data)} bytes): "
                "check that the URL is that of an OpenAI-compatible server"
            ) from error
        return str(content), str(reason)

    def _refusal(self, response: httpx.Response) -> GenerationError:
        status = response.status_code
        said = b"".join(_first(response.iter_bytes())).decode("utf-8", "replace")
        said = " ".join(said.split())[:_SHOWN_CHARACTERS]
        if status in (401, 403):
            return GeneratorUnavailable(f"{self._server} refuses the API key ({status}): set the right one")
        if status == 404:
            return GeneratorUnavailable(
                f"{self._server} knows no model {self._model!r} or no /v1/chat/completions (404): {said}. "
                "Compare with its list at /v1/models"
            )
        if status in (429, 503):
            return GenerationError(f"{self._server} is busy ({status}): {said}. Try again later")
        return GenerationError(f"{self._server} refuses the request ({status}): {said}")

    def _failure(self, error: httpx.HTTPError) -> GenerationError:
        if isinstance(error, (httpx.ConnectError, httpx.ConnectTimeout)):
            return GeneratorUnavailable(
                f"{self._server} cannot be reached ({error}): start the model server or correct the URL"
            )
        if isinstance(error, httpx.TimeoutException):
            return GenerationError(
                f"{self._server} sent nothing for {self._timeout_s:g} s: it may be overloaded; raise "
                "generation.timeout_s or use a smaller model"
            )
        return GenerationError(f"the connection to {self._server} broke ({error}): see the server's log")




class _Line:
    """The socket of the one connection, known as soon as it is open, so that another thread can hang up."""

    def __init__(self) -> None:
        self._socket: socket.socket | None = None

    def trace(self, event: str, info: Mapping[str, object]) -> None:
        """Callback of httpcore (https://www.encode.io/httpcore/extensions/#trace)."""
        if event in ("connection.connect_tcp.complete", "connection.start_tls.complete"):
            stream = info["return_value"]
            found = stream.get_extra_info("socket") if hasattr(stream, "get_extra_info") else None
            self._socket = found if isinstance(found, socket.socket) else None

    def hang_up(self) -> None:
        """Wakes whoever waits for bytes; closing a socket would not."""
        if self._socket is not None:
            try:
                # The plain method: an SSL socket's own would answer for the thread that is reading.
                socket.socket.shutdown(self._socket, socket.SHUT_RDWR)
            except OSError:
                return  # already closed


@contextmanager
def _hanging_up(line: _Line, stopped: Stopped) -> Iterator[None]:
    """Hangs up once ``stopped`` is true, for as long as the block runs."""
    done = threading.Event()

    def watch() -> None:
        while not done.wait(_STOP_POLL_S):
            if stopped():
                line.hang_up()

    watcher = threading.Thread(target=watch, name="generation-stop", daemon=True)
    watcher.start()
    try:
        yield
    finally:
        done.set()
        watcher.join()


def _server_sent_data(chunks: Iterator[bytes]) -> Iterator[bytes]:
    """The ``data:`` lines of a stream, split at LF alone: JSON may hold U+2028 and its like unescaped."""
    rest = b""
    for chunk in chunks:
        *lines, rest = (rest + chunk).split(b"\n")
        for line in lines:
            if line.startswith(b"data:"):
                yield line[len(b"data:") :].strip()
    if rest.startswith(b"data:"):
        yield rest[len(b"data:") :].strip()


def _whole_characters(pieces: Iterator[str]) -> Iterator[str]:
    r"""Joins surrogate pairs that JSON escapes (``\ud83d`` ``\ude00``) have put into two pieces."""
    held = ""
    for piece in pieces:
        text = held + piece
        held = text[-1] if "\ud800" <= text[-1] <= "\udbff" else ""
        whole = text[: len(text) - len(held)].encode("utf-16", "surrogatepass").decode("utf-16", "replace")
        if whole:
            yield whole
    if held:
        yield "\ufffd"


def _first(chunks: Iterator[bytes], limit: int = 10_000) -> Iterator[bytes]:
    for chunk in chunks:
        yield chunk[:limit]
        limit -= len(chunk)
        if limit <= 0:
            return
