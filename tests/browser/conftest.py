"""A real server process and a real browser; everything the browser complains about fails the test.

``REQUIRE_BROWSER=1`` turns a missing Chromium from a skip into a failure, ``CHROMIUM`` names another binary.
Each test leaves a screenshot under ``tests/browser/screenshots``.
"""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import IO

import httpx
import pytest
from playwright.sync_api import Browser, BrowserContext, ConsoleMessage, Page, sync_playwright
from playwright.sync_api import Request as BrowserRequest

ROOT = Path(__file__).parents[2]
SCREENSHOTS = Path(__file__).parent / "screenshots"
CHROMIUM = os.environ.get("CHROMIUM", "/usr/bin/chromium")
ARGUMENTS = ["--no-sandbox", "--disable-dev-shm-usage", "--disable-background-networking",
             "--disable-component-update", "--disable-sync", "--no-first-run"]  # fmt: skip
START_S = 120.0

Open = Callable[..., Page]


# Not for the whole session: while it lives, Playwright keeps an event loop running in this thread, and tests
# of other folders could not call asyncio.run.
@pytest.fixture(scope="package")
def browser() -> Iterator[Browser]:
    if not Path(CHROMIUM).exists():
        if os.environ.get("REQUIRE_BROWSER") == "1":
            pytest.fail(f"REQUIRE_BROWSER=1, but there is no Chromium at {CHROMIUM}")
        pytest.skip(f"no Chromium at {CHROMIUM}")
    with sync_playwright() as playwright:
        launched = playwright.chromium.launch(executable_path=CHROMIUM, args=ARGUMENTS)
        yield launched
        launched.close()


def start(
    folder: Path, *arguments: str, port: int = 0, settings: Mapping[str, str] | None = None
) -> subprocess.Popen[str]:
    """A ``touchstone serve`` process of its own; ``settings`` by their names in the environment."""
    environment = {**os.environ, "TOUCHSTONE_DATA_DIR": str(folder / "data"), "PYTHONUNBUFFERED": "1"}
    environment |= settings or {}
    command = [sys.executable, "-c", "from app.cli.main import main; main()", "serve", "--port", str(port)]
    with (folder / "stderr").open("a") as errors:
        return subprocess.Popen(
            [*command, *arguments],
            cwd=ROOT, env=environment, stdout=subprocess.PIPE, stderr=errors, text=True,
        )  # fmt: skip


def address_of(process: subprocess.Popen[str], folder: Path) -> str:
    """Where it answers, once it does."""
    assert process.stdout is not None
    said = process.stdout.readline()
    address = next((word for word in said.split() if word.startswith("http://")), "")
    assert address, (folder / "stderr").read_text()
    _wait_until_ready(address, process, folder / "stderr")
    return address


@contextmanager
def serving(
    folder: Path, *arguments: str, settings: Mapping[str, str] | None = None
) -> Iterator[tuple[str, IO[str]]]:
    """The address of a ``touchstone serve`` of its own, ready to answer, and what else it prints."""
    process = start(folder, *arguments, settings=settings)
    try:
        address = address_of(process, folder)
        assert process.stdout is not None
        yield address, process.stdout
    finally:
        process.send_signal(signal.SIGINT)
        try:
            process.wait(20)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
        if process.stdout is not None:
            process.stdout.close()


@pytest.fixture(scope="package")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The address of a server with the demo knowledge base, which knows no accounts."""
    with serving(tmp_path_factory.mktemp("served")) as (address, _):
        yield address


@pytest.fixture(scope="package")
def filling_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Another one, for tests that upload: no question of others finds what they do."""
    with serving(tmp_path_factory.mktemp("filling")) as (address, _):
        yield address


def _wait_until_ready(address: str, process: subprocess.Popen[str], errors: Path) -> None:
    deadline = time.monotonic() + START_S
    status: dict[str, object] = {}
    while time.monotonic() < deadline:
        assert process.poll() is None, errors.read_text()
        answer = httpx.get(f"{address}/readyz", timeout=10)
        status = answer.json()
        assert status["status"] != "failed", f"{status['detail']}\n{errors.read_text()}"
        if answer.is_success:
            return
        time.sleep(0.2)
    raise AssertionError(f"not ready after {START_S:g} s: {status}")


class Complaints:
    """What a page said that it should not have: console errors, exceptions, requests to other places."""

    def __init__(self, address: str) -> None:
        self.found: list[str] = []
        self.expected: tuple[str, ...] = ()
        self._address = address

    def watch(self, page: Page) -> None:
        """Listen to everything the page says."""
        page.on("console", self._console)
        page.on("pageerror", lambda error: self.found.append(f"exception: {error}"))
        page.on("request", self._request)

    def check(self) -> None:
        """Fail on anything the test did not announce in ``expected``."""
        unexpected = [text for text in self.found if not any(part in text for part in self.expected)]
        assert unexpected == []

    def _console(self, message: ConsoleMessage) -> None:
        if message.type in ("error", "warning"):
            self.found.append(f"{message.type}: {message.text}")

    def _request(self, request: BrowserRequest) -> None:
        if not request.url.startswith((self._address, "data:", "blob:")):
            self.found.append(f"request: {request.url}")


@pytest.fixture
def complaints(server: str) -> Complaints:
    return Complaints(server)


@pytest.fixture
def open_page(
    browser: Browser, server: str, complaints: Complaints, request: pytest.FixtureRequest
) -> Iterator[Open]:
    """Opens a page in a fresh profile, the chat without a ``path``: ``open_page(language, width=…)``."""
    contexts: list[BrowserContext] = []

    def open_one(
        language: str = "zh", width: int = 1280, height: int = 800, dark: bool = False, path: str = "/"
    ) -> Page:
        context = browser.new_context(
            locale="zh-CN" if language == "zh" else "en-US", color_scheme="dark" if dark else "light",
            reduced_motion="reduce", viewport={"width": width, "height": height}, is_mobile=width < 600,
            has_touch=width < 600,
        )  # fmt: skip
        context.set_default_timeout(15_000)
        contexts.append(context)
        page = context.new_page()
        complaints.watch(page)
        page.goto(server + path)
        if path == "/":
            page.locator('#state[data-state="ready"]').wait_for()
        return page

    yield open_one
    SCREENSHOTS.mkdir(exist_ok=True)
    for number, context in enumerate(contexts):
        suffix = f"-{number + 1}" if number else ""
        context.pages[0].screenshot(path=SCREENSHOTS / f"{request.node.name}{suffix}.png")
        context.close()
    complaints.check()
