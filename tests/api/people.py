"""A real server in accounts mode over two small knowledge bases, and three people with their keys."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx

from app.services import Services
from generation.protocols import Generator
from tests.api.served import add_key, add_user, served, services_of

RIGHTS: Mapping[str, dict[str, str]] = {
    "mia": {"handbook": "manage"},
    "will": {"handbook": "write"},
    "rosa": {"handbook": "read"},
    "sal": {"salaries": "manage"},
}


@dataclass(frozen=True, slots=True)
class Town:
    """The server, its services, and everybody's client: ``mia`` manages the handbook, ``will`` writes to it,
    ``rosa`` reads it; ``sal`` has the salaries, and knows of no handbook.
    """

    url: str
    services: Services
    clients: dict[str, httpx.Client]

    def __getitem__(self, name: str) -> httpx.Client:
        return self.clients[name]


def pages(client: httpx.Client, address: str, **query: str | int) -> list[list[dict[str, Any]]]:
    """A list in its pages, to the end."""
    found: list[list[dict[str, Any]]] = []
    cursor: str | None = ""
    while cursor is not None:
        answer = client.get(address, params={**query, "cursor": cursor})
        assert answer.status_code == 200, answer.text
        page = answer.json()
        found.append(page["data"])
        cursor = page["next_cursor"]
    return found


@contextmanager
def town(folder: Path, generator: Generator | None = None) -> Iterator[Town]:
    """Everybody signed in with an API key for chat, search and ingest."""
    services = services_of(folder / "data", generator, access={"mode": "accounts"})
    with served(services, folder) as url:
        clients = {}
        for name, grants in RIGHTS.items():
            user = add_user(services, name, "editor", grants)
            headers = {"x-api-key": add_key(services, user, ["chat", "search", "ingest"])}
            clients[name] = httpx.Client(base_url=url, headers=headers, trust_env=False, timeout=20)
        try:
            yield Town(url, services, clients)
        finally:
            for client in clients.values():
                client.close()
