"""A server process that is killed while it writes, and one whose reranker fails, as the page shows them.

The server is a real process; only the models behind it are fakes, which a test can hold and break.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from subprocess import Popen
from urllib.parse import urlsplit

import httpx
import pytest
from playwright.sync_api import expect

from tests.browser.axe import violations_in_both_themes
from tests.browser.conftest import Complaints, Open, address_of, start
from tests.browser.filling import NOTES
from tests.fakes.model_server import ANSWER, ModelServer, model_server

pytestmark = [pytest.mark.browser, pytest.mark.fault]

QUESTION = "How often is the pump of hall 3 serviced?"


@dataclass
class Killable:
    """A server that can be killed and started again at the same address."""

    folder: Path
    models: ModelServer
    process: Popen[str]
    address: str

    def kill(self) -> None:
        """SIGKILL: nothing is finished, nothing is said."""
        self.process.kill()
        self.process.wait()

    def start_again(self) -> None:
        port = urlsplit(self.address).port or 0
        self.process = start(self.folder, port=port, settings=self.models.settings())
        assert address_of(self.process, self.folder) == self.address


@pytest.fixture(scope="module")
def house(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Killable]:
    folder = tmp_path_factory.mktemp("killed")
    with model_server() as models:
        process = start(folder, settings=models.settings())
        made = Killable(folder, models, process, "")
        try:
            made.address = address_of(process, folder)
            with httpx.Client(base_url=made.address, trust_env=False, timeout=60) as client:
                client.post("/api/collections", json={"name": "notes"}).raise_for_status()
                sent = {"name": "notes.md", "wait": "true"}
                at = "/api/collections/notes/documents"
                client.post(at, params=sent, content=NOTES.encode()).raise_for_status()
            yield made
        finally:
            made.kill()
            for one in (process, made.process):
                if one.stdout is not None:
                    one.stdout.close()


@pytest.fixture
def server(house: Killable) -> str:
    return house.address


@pytest.fixture
def complaints(server: str) -> Complaints:
    return Complaints(server)


def test_answer_of_a_killed_server_stays_is_called_interrupted_and_is_written_again(
    house: Killable, open_page: Open, complaints: Complaints
) -> None:
    complaints.expected = ("net::ERR_CONNECTION_REFUSED", "net::ERR_INCOMPLETE_CHUNKED_ENCODING",
                           "net::ERR_CONNECTION_RESET", "net::ERR_EMPTY_RESPONSE")  # fmt: skip
    page = open_page("en")
    house.models.hold(after=11)
    page.locator("#question").fill(QUESTION)
    page.keyboard.press("Enter")
    turn = page.locator(".turn")
    partial = " ".join(ANSWER.split(" ")[:10])
    expect(turn.locator(".prose")).to_contain_text(partial)
    expect(turn).to_have_attribute("aria-busy", "true")
    house.kill()
    expect(turn.locator(".progress")).to_contain_text("reconnecting")
    expect(turn.locator(".prose")).to_contain_text(partial)
    house.models.release()
    house.start_again()
    interrupted = turn.get_by_text("The server was restarted before the answer was complete.")
    expect(interrupted.or_(turn.get_by_role("button", name="Retry")).first).to_be_visible(timeout=30_000)
    if not interrupted.is_visible():  # it took longer to start than the page tries by itself
        turn.get_by_role("button", name="Retry").click()
    expect(interrupted).to_be_visible()
    expect(turn).not_to_have_attribute("aria-busy", "true")
    expect(turn.locator(".prose")).to_contain_text(partial)
    expect(turn.locator(".prose")).not_to_contain_text("each time")
    expect(page.locator("#announcer")).to_have_text("The answer was interrupted by a restart")
    page.reload()
    expect(turn.locator(".prose")).to_contain_text(partial)
    expect(turn.get_by_text("The server was restarted")).to_be_visible()
    turn.get_by_role("button", name=re.compile("Retry|Regenerate")).first.click()
    expect(turn.locator(".prose")).to_contain_text("Its filter is changed each time.")
    expect(turn.get_by_role("group", name="Answers to this question")).to_contain_text("2 / 2")
    turn.get_by_role("button", name="Previous answer").click()
    expect(turn.locator(".prose")).not_to_contain_text("each time")


@pytest.mark.parametrize("language", ["zh", "en"])
def test_failing_reranker_is_a_banner_and_the_answer_comes_all_the_same(
    house: Killable, open_page: Open, language: str
) -> None:
    page = open_page(language)
    house.models.fails = True
    try:
        page.locator("#question").fill(QUESTION)
        page.keyboard.press("Enter")
        turn = page.locator(".turn")
        expect(turn.locator(".prose")).to_contain_text("400 hours")
        expect(turn).not_to_have_attribute("aria-busy", "true")
        expect(turn.locator(".notice.warn").first).to_be_visible()
        expect(turn.locator(".notice.warn").first).to_contain_text(re.compile("重排|rerank"))
        assert violations_in_both_themes(page) == []
    finally:
        house.models.fails = False
