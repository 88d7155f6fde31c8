"""A server with a small knowledge base, for clients of other makers."""

from collections.abc import Iterator

import pytest

from app.services import Services
from app.settings import Settings
from app.wiring import build_models
from tests.app.server import serving

HANDBOOK = {
    "boiler.md": "# Boiler room\n\nThe boiler is serviced every eighteen months by Harlow Heating.\n",
    "badges.md": "# Visitor badges\n\nVisitor badges are green and expire at 18:00.\n",
    "archive.md": "# Archive\n\nArchive boxes are kept for eleven years in the Kelso depot.\n",
}


@pytest.fixture(scope="module")
def url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    settings = Settings(data_dir=tmp_path_factory.mktemp("adapters"), profile="starter", demo=False)
    services = Services(settings, build_models=build_models)
    with serving(services) as address:
        for name, text in HANDBOOK.items():
            services.add(text.encode(), name, "handbook")
        services.add("# 门禁\n\n访客证是蓝色的。\n".encode(), "menjin.md", "other")
        yield address
