"""A real server with accounts and the starter models: who asks, who manages, who sees what is missing."""

from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

import pytest

from app.access.principal import LOCAL, Role, Use
from app.services import Services
from app.storage.grants import Grantee
from tests.api.served import add_key, add_user, fill, services_of
from tests.app.server import serving
from tests.conversations.talking import Person

ROLES: dict[str, Role] = {"ada": "admin", "eva": "editor", "max": "editor", "ben": "viewer"}
GRANTS = (
    ("eva", "handbook", "manage"), ("max", "handbook", "manage"), ("max", "salaries", "manage"),
    ("ben", "handbook", "read"), ("ben", "salaries", "read"),
)  # fmt: skip
USES: tuple[Use, ...] = ("chat", "search", "ingest")


@dataclass(frozen=True, slots=True)
class House:
    """eva manages handbook, max salaries as well; ben, a viewer, reads both and asks; ada is an admin."""

    services: Services
    url: str
    people: dict[str, Person]

    def person(self, name: str) -> Person:
        return self.people[name]

    def id_of(self, collection: str) -> str:
        return self.services.collections.named(collection).id


@pytest.fixture(scope="module")
def house(tmp_path_factory: pytest.TempPathFactory) -> Iterator[House]:
    folder: Path = tmp_path_factory.mktemp("gaps")
    services = services_of(folder / "data", access={"mode": "accounts"}, limits={"apply": "never"})
    with ExitStack() as stack:
        url = stack.enter_context(serving(services))
        fill(services, folder)
        ids = {name: add_user(services, name, role, {}) for name, role in ROLES.items()}
        for name, collection, level in GRANTS:
            found = services.collections.named(collection).id
            services.accounts.grants.set(LOCAL, found, Grantee("user", ids[name]), level)  # type: ignore[arg-type]
        people = {}
        for name, user_id in ids.items():
            uses = (*USES, "admin") if name == "ada" else USES
            people[name] = Person(url, add_key(services, user_id, uses))
            stack.callback(people[name].close)
        yield House(services, url, people)
