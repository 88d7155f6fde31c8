"""A server on this machine with the three models of the remote profile, and switches for a test.

It speaks OpenAI's embeddings and chat completions and the rerank API of Jina and Cohere; the reranker behind
it is the one that ships.
"""

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler

from rerank.starter import StarterReranker
from tests.fakes.embedding_server import vector
from tests.fakes.http import served

ANSWER = "The pump of hall 3 is serviced every 400 hours. [1] Its filter is changed each time."


@dataclass
class ModelServer:
    """``fails``: the reranker answers 500."""

    url: str = ""
    fails: bool = False
    held_after: int | None = None
    held: threading.Event = field(default_factory=threading.Event)
    released: threading.Event = field(default_factory=threading.Event)

    def hold(self, after: int) -> None:
        """Let answers from now on stand still behind so many words."""
        self.held.clear()
        self.released.clear()
        self.held_after = after

    def release(self) -> None:
        """Let them go on, and those that come later run through."""
        self.held_after = None
        self.released.set()

    def settings(self) -> dict[str, str]:
        """What makes a server process use it, as variables of its environment."""
        named = {
            f"TOUCHSTONE_MODELS__{role}__{name}": value
            for role in ("EMBEDDER", "RERANKER", "GENERATOR")
            for name, value in (("URL", self.url), ("MODEL", f"test-{role.lower()}"))
        }
        return {"TOUCHSTONE_PROFILE": "remote", "TOUCHSTONE_DEMO": "false", **named}


class _Handler(BaseHTTPRequestHandler):
    state: ModelServer
    reranker: StarterReranker
    protocol_version = "HTTP/1.1"

    def do_POST(self) -> None:
        asked = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        if self.path.endswith("/embeddings"):
            found = [{"index": i, "embedding": vector(each)} for i, each in enumerate(asked["input"])]
            self._json({"data": found})
        elif self.path.endswith("/rerank"):
            self._rerank(asked)
        else:
            self._chat()

    def _rerank(self, asked: dict[str, str | list[str]]) -> None:
        if self.state.fails:
            self._json({"error": "out of memory"}, status=500)
            return
        query, documents = str(asked["query"]), [str(each) for each in asked["documents"]]
        scores = self.reranker.score(query, documents, str(asked.get("instruction", "")))
        found = [{"index": i, "relevance_score": each} for i, each in enumerate(scores.relevance)]
        self._json({"results": found})

    def _chat(self) -> None:
        self.send_response(200)
        self.send_header("Content-Type", "text/event-stream")
        self.send_header("Connection", "close")
        self.end_headers()
        for at, word in enumerate(ANSWER.split(" ")):
            if at == self.state.held_after:
                self.state.held.set()
                self.state.released.wait(60)
            self._event({"choices": [{"delta": {"content": f"{' ' if at else ''}{word}"}}]})
        self._event({"choices": [{"delta": {}, "finish_reason": "stop"}]})
        self.wfile.write(b"data: [DONE]\n\n")
        self.close_connection = True

    def _event(self, data: object) -> None:
        try:
            self.wfile.write(f"data: {json.dumps(data)}\n\n".encode())
            self.wfile.flush()
        except OSError:  # who asked is gone, as after a kill
            self.close_connection = True

    def _json(self, data: object, status: int = 200) -> None:
        body = json.dumps(data).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:
        pass


@contextmanager
def model_server() -> Iterator[ModelServer]:
    """Serve on a free port until the block ends."""
    state = ModelServer()
    handler = type("Handler", (_Handler,), {"state": state, "reranker": StarterReranker(None)})
    with served(handler) as url:
        state.url = f"{url}/v1"
        try:
            yield state
        finally:
            state.release()
