"""A real server on a real port, with accounts; only the generator is scripted."""

from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass, field, replace

import pytest

from app.access.principal import LOCAL, Principal, Use
from app.models import Models
from app.services import Services
from app.settings import AccessSettings, ServerSettings, Settings
from app.storage.grants import Grantee
from app.wiring import build_models
from retrieval.protocols import SoftStatistics
from tests.app.server import serving
from tests.conversations.pacing import PacedGenerator
from tests.conversations.talking import Person

PASSWORD = "violet kettle under seven moons"  # noqa: S105 - of users that live for one test
ABANDONED_S = 2.0
LEAVE = """# Handbook

## Annual leave

Employees have 12 days of annual leave. They ask for them in the portal, and the team lead answers.
"""
VAULT = """# Vault

The annual leave of directors is 99 days, and nobody else may know that.
"""


@dataclass(frozen=True, slots=True)
class House:
    """anna is an admin, ben and cat are viewers who may read "handbook", ben "vault" as well."""

    services: Services
    url: str
    generator: PacedGenerator
    people: dict[str, Principal]
    guests: list[Person] = field(default_factory=list)

    def person(self, name: str, *, language: str = "en") -> Person:
        """Somebody with a new key for everything he may do."""
        owner = self.people[name]
        uses: set[Use] = {"chat", "search", "admin"} if owner.role == "admin" else {"chat", "search"}
        secret = self.services.accounts.keys.add(LOCAL, owner.id, "test", uses, days=1).secret
        return self._guest(Person(self.url, secret, language=language))

    def nobody(self) -> Person:
        """Somebody without a key."""
        return self._guest(Person(self.url))

    def _guest(self, person: Person) -> Person:
        self.guests.append(person)
        return person

    def id_of(self, collection: str) -> str:
        return self.services.collections.named(collection).id

    def grant(self, name: str, collection: str) -> None:
        grantee = Grantee("user", self.people[name].id)
        self.services.accounts.grants.set(LOCAL, self.id_of(collection), grantee, "read")

    def revoke(self, name: str, collection: str) -> None:
        grantee = Grantee("user", self.people[name].id)
        self.services.accounts.grants.remove(LOCAL, self.id_of(collection), grantee)


@pytest.fixture(scope="module")
def module_house(tmp_path_factory: pytest.TempPathFactory) -> Iterator[House]:
    generator = PacedGenerator()

    def build(settings: Settings, statistics: SoftStatistics) -> Models:
        return replace(build_models(settings, statistics), generator=generator)

    settings = Settings(
        data_dir=tmp_path_factory.mktemp("house"),
        profile="starter",
        demo=False,
        access=AccessSettings(mode="accounts", recheck_s=0.3),
        server=ServerSettings(abandoned_s=ABANDONED_S, concurrency=2, queue=4),
    )
    services = Services(settings, build_models=build)
    with ExitStack() as stack:
        url = stack.enter_context(serving(services))
        services.add(LEAVE.encode(), "leave.md", "handbook")
        services.add(VAULT.encode(), "vault.md", "vault")
        people = {}
        for name, role in (("anna", "admin"), ("ben", "viewer"), ("cat", "viewer")):
            made = services.accounts.users.add(LOCAL, name, role, PASSWORD)  # type: ignore[arg-type]  # roles
            people[name] = services.accounts.users.principal(made.id)
        found = House(services, url, generator, people)
        for name, collection in (("ben", "handbook"), ("ben", "vault"), ("cat", "handbook")):
            found.grant(name, collection)
        yield found
        for guest in found.guests:
            guest.close()


@pytest.fixture
def house(module_house: House) -> Iterator[House]:
    """The server of the module; whatever was held goes on in the end."""
    module_house.generator.reset()
    yield module_house
    module_house.generator.reset()


@pytest.fixture
def ben(house: House) -> Person:
    return house.person("ben")
