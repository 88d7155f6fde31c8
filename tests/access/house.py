"""A server in accounts mode with two people, without index or models: what the tests of sign-in knock at."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from fastapi import FastAPI
from fastapi.testclient import TestClient

from app.access.principal import Principal
from app.main import create_app
from app.services import Services
from app.settings import AccessSettings, ServerSettings, Settings
from app.wiring import build_models

PASSWORD = "violet kettle under seven moons"  # noqa: S105 - of people who live for one test
HERE = "http://127.0.0.1:8400"
NEAR, FAR = ("127.0.0.1", 50_000), ("192.0.2.7", 50_000)
SAME_ORIGIN = {"Sec-Fetch-Site": "same-origin"}
FOREIGN = {"Sec-Fetch-Site": "cross-site", "Origin": "https://evil.example"}


@dataclass(frozen=True, slots=True)
class House:
    """The server and who lives there: anna is an admin, ben a viewer, eva an editor."""

    services: Services
    app: FastAPI
    people: dict[str, Principal]

    def client(
        self, name: str = "", *, url: str = HERE, client: tuple[str, int] = NEAR, headers: dict[str, str] = {}  # noqa: B006 - not changed
    ) -> TestClient:
        """Somebody's browser, signed in where a name is given."""
        made = TestClient(
            self.app, base_url=url, client=client, follow_redirects=False, raise_server_exceptions=False
        )
        made.headers.update({**SAME_ORIGIN, **headers})
        if name:
            done = made.post("/api/session", json={"username": name, "password": PASSWORD})
            assert done.status_code == 200, done.text
        return made

    def key(self, name: str, *uses: str) -> str:
        """The secret of a new key of somebody's."""
        owner = self.people[name]
        return self.services.accounts.keys.add(owner, owner.id, "a program", uses, days=1).secret  # type: ignore[arg-type]  # names of uses


@contextmanager
def house(
    folder: Path, *, access: AccessSettings | None = None, server: ServerSettings | None = None
) -> Iterator[House]:
    """The server; ``access`` and ``server`` are its settings, accounts mode by default."""
    settings = Settings(
        data_dir=folder,
        profile="starter",
        demo=False,
        access=access or AccessSettings(mode="accounts"),
        server=server or ServerSettings(),
    )
    with Services(settings, build_models=build_models) as services:
        accounts = services.accounts
        anna = accounts.setup(accounts.setup_token() or "", "anna", PASSWORD)
        admin = accounts.users.principal(anna.id)
        people = {"anna": admin}
        for name, role in (("ben", "viewer"), ("eva", "editor")):
            made = accounts.users.add(admin, name, role, PASSWORD)  # type: ignore[arg-type]  # both are roles
            people[name] = accounts.users.principal(made.id)
        yield House(services, create_app(services), people)
