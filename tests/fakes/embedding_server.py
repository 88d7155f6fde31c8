"""A server on this machine that speaks the OpenAI embeddings API; its vectors count letters."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler
from zlib import crc32

from tests.fakes.http import served

DIM = 48


@dataclass
class EmbeddingServer:
    """What the server was asked, and what it answers: ``reply`` replaces the whole answer where it is set."""

    url: str = ""
    requests: list[dict[str, object]] = field(default_factory=list)
    keys: list[str | None] = field(default_factory=list)
    status: int = 200
    reply: object = None


@contextmanager
def embedding_server() -> Iterator[EmbeddingServer]:
    """Serve on a free port until the block ends. Items are answered last first, each with its ``index``."""
    state = EmbeddingServer()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            request = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            state.requests.append({"path": self.path, **request})
            state.keys.append(self.headers.get("Authorization"))
            data = [{"index": i, "embedding": vector(text)} for i, text in enumerate(request["input"])]
            body = json.dumps({"data": data[::-1]} if state.reply is None else state.reply).encode()
            self.send_response(state.status)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, format: str, *args: object) -> None:
            pass

    with served(Handler) as url:
        state.url = f"{url}/v1"
        yield state


def vector(text: str) -> list[float]:
    """Counts of letters: alike for texts of the same letters."""
    counts = [0.0] * DIM
    for character in text:
        counts[crc32(character.encode()) % DIM] += 1.0
    return counts
