"""The first run with accounts, in Chromium: one-time token, first admin, first knowledge base, first reader.

Then what a viewer and an editor see of every page, by the navigation and by its address.
"""

import re
from collections.abc import Iterator

import httpx
import pytest
from playwright.sync_api import Browser, BrowserContext, Page, expect

from app.web.navigation import ENTRIES
from tests.browser.axe import violations_in_both_themes
from tests.browser.conftest import SCREENSHOTS, Complaints, serving
from tests.browser.filling import hand_in, payload

pytestmark = pytest.mark.browser

PASSWORD = "violet kettle under seven moons"  # noqa: S105 - of people who live for one test
PUMP = "How often is the pump of hall 3 serviced?"
KEPT_FROM = {"viewer": {"/gaps", "/people", "/monitoring"}, "editor": {"/people", "/monitoring"}}
Town = tuple[str, str, httpx.Client]


@pytest.fixture(scope="module")
def town(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Town]:
    """A server that nobody has set up: its address, that of its setup, and a client for its first admin."""
    folder = tmp_path_factory.mktemp("first-run")
    with serving(folder, "--accounts", settings={"TOUCHSTONE_DEMO": "false"}) as (address, said):
        setup = re.search(r"http://\S+/setup\?token=\S+", said.readline())
        assert setup is not None
        with httpx.Client(base_url=address, headers={"Origin": address}, trust_env=False) as anna:
            yield address, setup[0], anna


@pytest.fixture
def complaints(town: Town) -> Complaints:
    return Complaints(town[0])


@pytest.fixture
def context(browser: Browser, complaints: Complaints) -> Iterator[BrowserContext]:
    opened = browser.new_context(
        locale="en-US", viewport={"width": 1280, "height": 800}, reduced_motion="reduce"
    )
    opened.set_default_timeout(15_000)
    opened.on("page", complaints.watch)
    yield opened
    opened.close()
    complaints.check()


def sign_in(page: Page, address: str, name: str) -> None:
    page.goto(f"{address}/login")
    page.get_by_label("Name").fill(name)
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_role("button", name="Sign in").click()
    page.locator('#state[data-state="ready"]').wait_for()


def head_fits(page: Page, *widths: int) -> None:
    """Between the navigation and the tools there is room at these widths."""
    for width in widths:
        page.set_viewport_size({"width": width, "height": 800})
        last = page.locator(".navigation a:visible").last.bounding_box()
        tools = page.locator(".tools").bounding_box()
        assert last is not None
        assert tools is not None
        assert last["x"] + last["width"] <= tools["x"], width
        assert tools["x"] + tools["width"] <= width


def shoot(page: Page, name: str) -> None:
    SCREENSHOTS.mkdir(exist_ok=True)
    for width, height in ((360, 740), (1280, 800)):
        page.set_viewport_size({"width": width, "height": height})
        assert page.evaluate("document.documentElement.scrollWidth") <= width, (name, width)
        page.screenshot(path=SCREENSHOTS / f"{name}-{width}.png")


def test_token_makes_the_first_admin_whose_first_documents_are_asked_about(
    context: BrowserContext, town: Town
) -> None:
    _, setup, anna = town
    page = context.new_page()
    page.goto(setup)
    page.get_by_label("Name").fill("anna")
    page.get_by_label("Password", exact=True).fill(PASSWORD)
    page.get_by_label("Password again").fill(PASSWORD)
    page.get_by_role("button", name=re.compile("admin")).click()
    page.locator('#state[data-state="ready"]').wait_for()
    head_fits(page, 1181, 1280, 1401)  # an admin has the most pages
    tour = page.get_by_role("region", name="Three steps to begin")
    # nothing can be asked yet: it begins with the documents, and takes no focus
    expect(tour.get_by_role("heading", name="Look inside, or add your own documents")).to_be_visible()
    assert not page.evaluate("document.querySelector('#tour').contains(document.activeElement)")
    tour.get_by_role("link", name="Documents").click()
    page.locator("#first-collection").click()
    asked = page.get_by_role("dialog", name="New knowledge base")
    asked.get_by_label("Name").fill("field notes")
    asked.get_by_role("button", name="Create").click()
    expect(page.get_by_text("“field notes” is ready for its first documents.")).to_be_visible()
    hand_in(page, payload("notes.md"))
    expect(page.locator('#documents > li[data-name="notes.md"]')).to_be_visible(timeout=60_000)
    page.goto(setup)  # the token is used up
    expect(page).to_have_url(re.compile("/(login.*)?$"))
    anna.post("/api/session", json={"username": "anna", "password": PASSWORD}).raise_for_status()
    for role, level in (("viewer", "read"), ("editor", "write")):
        anna.post("/api/users", json={"name": role, "role": role, "password": PASSWORD}).raise_for_status()
        granted = {"name": role, "level": level}
        anna.put("/api/collections/field notes/grants", json=granted).raise_for_status()


def test_new_reader_is_met_by_the_tour_asks_and_sees_the_source(context: BrowserContext, town: Town) -> None:
    page = context.new_page()
    sign_in(page, town[0], "viewer")
    tour = page.get_by_role("region", name="Three steps to begin")
    expect(tour.get_by_role("heading", name="Ask a question")).to_be_visible()
    expect(tour.get_by_role("button", name="Ask an example")).to_be_hidden()  # there are none
    page.locator("#question").fill(PUMP)
    page.keyboard.press("Enter")
    expect(page.locator(".turn .prose")).to_contain_text("400 hours")
    expect(tour.get_by_role("heading", name="See where an answer comes from")).to_be_visible()
    tour.get_by_role("button", name="End the tour").click()
    page.reload()
    expect(page.locator(".turn .prose .chip").first).to_be_visible()
    expect(tour).to_be_hidden()


@pytest.mark.parametrize("role", ["viewer", "editor"])
def test_every_page_is_shown_or_refused_by_name_and_never_as_raw_data(
    context: BrowserContext, complaints: Complaints, town: Town, role: str
) -> None:
    address = town[0]
    complaints.expected = ("status of 403", "status of 404")
    page = context.new_page()
    sign_in(page, address, role)
    links = page.get_by_role("navigation", name="Main navigation").get_by_role("link")
    shown = set(links.evaluate_all("(all) => all.map((one) => one.getAttribute('href'))"))
    assert {path for _, path in ENTRIES} - shown == KEPT_FROM[role]
    for _, path in ENTRIES:
        answer = page.goto(address + path)
        assert answer is not None
        if path in KEPT_FROM[role]:
            assert answer.status == 403
            expect(page.get_by_role("heading", name="This page is not for you")).to_be_visible()
            expect(page.get_by_text(f"You are signed in as {role}.")).to_be_visible()
        else:
            assert answer.status == 200, path
            expect(page.locator("h1").first).to_be_attached()
            if role == "viewer":  # who may do least: nothing the page asks for may be refused him
                page.wait_for_load_state("networkidle")
    others = (("/account", "Your account"), ("/docs", ""), ("/nowhere", "There is no such page"))
    for path, heading in others:
        answer = page.goto(address + path)
        assert answer is not None
        assert str(answer.headers["content-type"]).startswith("text/html"), path
        if heading:
            expect(page.get_by_role("heading", name=heading)).to_be_visible()


def test_page_that_is_refused_leads_back_in_both_languages(
    context: BrowserContext, complaints: Complaints, town: Town
) -> None:
    address = town[0]
    complaints.expected = ("status of 403",)
    page = context.new_page()
    sign_in(page, address, "viewer")
    for language, heading in (("zh", "您不能打开此页面"), ("en", "This page is not for you")):
        page.goto(f"{address}/people?lang={language}")
        expect(page.get_by_role("heading", name=heading)).to_be_visible()
        assert violations_in_both_themes(page) == []
        shoot(page, f"refused-{language}")
    told = page.request.get(f"{address}/api/users")
    assert (told.status, told.json()["code"]) == (403, "forbidden")  # a program reads the problem itself
    page.get_by_role("link", name="To the chat").click()
    expect(page.locator("#question")).to_be_visible()
