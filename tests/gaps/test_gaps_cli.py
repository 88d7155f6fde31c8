"""``touchstone gaps``: the same list here and through a running server."""

import csv
import io
import json
from pathlib import Path

from click.testing import CliRunner

from app.access.principal import LOCAL
from app.cli.gaps import gaps
from tests.api.served import fill, services_of
from tests.app.server import serving

QUESTION = "Where may visitors park their bicycles?"


def run(folder: Path, *arguments: str) -> str:
    """What the command says; it has to succeed."""
    environment = {"TOUCHSTONE_DATA_DIR": str(folder / "data"), "TOUCHSTONE_PROFILE": "starter"}
    done = CliRunner().invoke(gaps, arguments, env=environment)
    assert done.exit_code == 0, (done.output, done.exception)
    return done.stdout


def test_gaps_are_listed_and_exported_with_and_without_a_server(tmp_path: Path) -> None:
    with services_of(tmp_path / "data") as services:
        services.load()
        fill(services, tmp_path)
        for question in (QUESTION, "=1+1, who repairs the lift?"):
            result = services.answer(services.ask(question, principal=LOCAL, collections=("handbook",)))
            services.caretaker.answers.keep(result, owner=LOCAL.id)
    alone = run(tmp_path, "list")
    assert "2 of 2 gaps; 2 are open" in alone
    assert "nothing_found" in alone
    run(tmp_path, "export", str(tmp_path / "alone.csv"))
    served = services_of(tmp_path / "data")
    with serving(served) as url:
        served.lock.announce(url)
        found = json.loads(run(tmp_path, "list", "--collection", "handbook", "--json"))
        assert [each["asked"] for each in found["data"]] == [1, 1]
        assert json.loads(run(tmp_path, "list", "--state", "done", "--json"))["data"] == []
        run(tmp_path, "export", str(tmp_path / "served.csv"), "--days", "1")
    data = (tmp_path / "alone.csv").read_bytes()
    assert data == (tmp_path / "served.csv").read_bytes()
    rows = list(csv.DictReader(io.StringIO(data.decode("utf-8-sig"), newline="")))
    assert sorted(row["question"] for row in rows) == ["'=1+1, who repairs the lift?", QUESTION]
