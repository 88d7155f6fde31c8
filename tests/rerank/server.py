"""A real HTTP server in a thread that answers as it is told and keeps what it was asked."""

import json
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from typing import Any, Self

Answer = Callable[[str, dict[str, Any]], tuple[int, Any]]


@dataclass
class RerankServer:
    """``answer`` maps path and request body to status and answer (bytes are sent as they are)."""

    answer: Answer
    asked: list[tuple[str, dict[str, Any]]] = field(default_factory=list)
    headers: list[dict[str, str]] = field(default_factory=list)

    def __enter__(self) -> Self:
        outer = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
                outer.asked.append((self.path, body))
                outer.headers.append(dict(self.headers))
                status, answer = outer.answer(self.path, body)
                data = answer if isinstance(answer, bytes) else json.dumps(answer).encode()
                self.send_response(status)
                self.send_header("Content-Length", str(len(data)))
                self.end_headers()
                self.wfile.write(data)

            def log_message(self, format: str, *args: object) -> None:
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._thread = threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.01})
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._server.server_address[1]}"


def overlap(query: str, document: str) -> float:
    """A score in 0..1 by shared characters."""
    wanted = set(query.lower()) - {" "}
    return len(wanted & set(document.lower())) / max(1, len(wanted))


def jina(path: str, body: dict[str, Any]) -> tuple[int, Any]:
    """Answers as Jina, Cohere and vLLM do: sorted, best first."""
    if path != "/v1/rerank" or "documents" not in body:
        return 404, {"detail": "Not Found"}
    scores = [(overlap(body["query"], text), i) for i, text in enumerate(body["documents"])]
    results = [{"index": i, "relevance_score": score} for score, i in sorted(scores, reverse=True)]
    return 200, {"model": "m", "results": results, "usage": {"total_tokens": 17}}


def tei(path: str, body: dict[str, Any]) -> tuple[int, Any]:
    """Answers as text-embeddings-inference does: a bare list, sorted."""
    if path != "/rerank":
        return 404, {"error": "not found"}
    if "texts" not in body:
        return 422, {"error": "missing field `texts`"}
    scores = [(overlap(body["query"], text), i) for i, text in enumerate(body["texts"])]
    return 200, [{"index": i, "score": score} for score, i in sorted(scores, reverse=True)]
