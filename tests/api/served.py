"""A real server over two small knowledge bases; only the generator may be a fake."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import openai

from app.access.principal import LOCAL, Role, Use
from app.models import Models
from app.services import Services
from app.settings import Settings
from app.storage.grants import Grantee
from app.wiring import build_models
from generation.protocols import Generator
from retrieval.protocols import SoftStatistics
from tests.app.server import serving

HANDBOOK = """# Handbook

## Annual leave

Employees have 12 days of annual leave. Leave is requested in the portal at least five working days ahead,
and the team lead answers within two working days. Days that are not used by March of the next year are lost.

## Expenses

Invoices are stamped with the invoice seal. Expenses are paid within 10 working days after the finance team
has checked the claim. Claims older than 90 days need the approval of the department head before payment.
"""
SALARIES = """# Salaries

## Bonus

The yearly bonus is paid in April. It is two months of salary for everyone who has worked the whole year.
"""
LEAVE = "How many days of annual leave do employees have?"
BONUS = "When is the yearly bonus paid?"
opened: list[openai.OpenAI] = []
PASSWORD = "a long password of tests 7"  # noqa: S105 - of users that live for one test


def settings_of(folder: Path, **changed: object) -> Settings:
    """Settings of the starter profile."""
    return Settings.model_validate({"data_dir": folder, "profile": "starter", "demo": False, **changed})


def services_of(
    folder: Path, generator: Generator | None = None, *, samples: bool = False, **changed: object
) -> Services:
    """Services that are not loaded yet. ``samples``: the generator takes sampling options."""

    def build(settings: Settings, statistics: SoftStatistics) -> Models:
        models = build_models(settings, statistics)
        return models if generator is None else replace(models, generator=generator, rewrites=samples)

    return Services(settings_of(folder, **changed), build_models=build)


def fill(services: Services, folder: Path) -> None:
    """The two knowledge bases: handbook, salaries."""
    for name, text in (("handbook", HANDBOOK), ("salaries", SALARIES)):
        path = folder / f"{name}.md"
        path.write_text(text, encoding="utf-8")
        (report,) = services.ingest([(path, f"{name}.md")], name)
        assert report.status == "added"


@contextmanager
def served(services: Services, folder: Path) -> Iterator[str]:
    """The address of a server that has both knowledge bases."""
    with serving(services) as url:
        fill(services, folder)
        yield url


def client(url: str, key: str = "none") -> openai.OpenAI:
    """OpenAI's client, which tries nothing twice; it is closed when the tests end."""
    http = openai.DefaultHttpxClient(trust_env=False)
    opened.append(openai.OpenAI(base_url=f"{url}/v1", api_key=key, max_retries=0, http_client=http))
    return opened[-1]


def add_user(services: Services, name: str, role: Role, grants: dict[str, str]) -> str:
    """A user's id. ``grants``: level by the name of a knowledge base."""
    accounts = services.accounts
    if accounts.empty():
        accounts.users.add(LOCAL, "root", "admin", PASSWORD)
    user = accounts.users.add(LOCAL, name, role, PASSWORD)
    for collection, level in grants.items():
        found = services.collections.named(collection)
        accounts.grants.set(LOCAL, found.id, Grantee("user", user.id), level)  # type: ignore[arg-type]
    return user.id


def add_key(services: Services, user_id: str, uses: Sequence[Use]) -> str:
    """The secret of a new API key."""
    return services.accounts.keys.add(LOCAL, user_id, "tests", uses, days=1).secret
