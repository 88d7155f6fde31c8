"""The people page in Chromium: an admin lets somebody in, grants, disables, revokes, and reads the log."""

import re
from collections.abc import Iterator

import httpx
import pytest
from playwright.sync_api import Browser, Page, expect

from tests.browser.axe import violations_in_both_themes
from tests.browser.conftest import SCREENSHOTS, Complaints, Open, serving

pytestmark = pytest.mark.browser

PASSWORD = "violet kettle under seven moons"  # noqa: S105 - of people who live for one test
TABS = ("users", "groups", "grants", "keys", "audit")


@pytest.fixture(scope="module")
def town(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[str, httpx.Client]]:
    """The address of a server with accounts, and its first admin, anna, who has signed in."""
    with serving(tmp_path_factory.mktemp("people"), "--accounts") as (address, said):
        token = re.search(r"token=(\S+)", said.readline())
        assert token is not None
        with httpx.Client(base_url=address, headers={"Origin": address}, trust_env=False) as anna:
            first = {"token": token[1], "username": "anna", "password": PASSWORD, "repeated": PASSWORD}
            anna.post("/setup", data=first)
            anna.post("/api/session", json={"username": "anna", "password": PASSWORD}).raise_for_status()
            yield address, anna


class Visit:
    """The page of whoever has signed in as the client has."""

    def __init__(self, browser: Browser, town: tuple[str, httpx.Client]) -> None:
        self._browser, (self.address, self.anna) = browser, town
        self.complaints = Complaints(self.address)

    def page(
        self, language: str = "en", width: int = 1280, at: str = "/people", who: httpx.Client | None = None
    ) -> Page:
        context = self._browser.new_context(
            locale="zh-CN" if language == "zh" else "en-US", viewport={"width": width, "height": 800},
            reduced_motion="reduce", is_mobile=width < 600, has_touch=width < 600,
        )  # fmt: skip
        context.set_default_timeout(15_000)
        held = (who or self.anna).cookies.items()
        cookies = [{"name": k, "value": v, "url": self.address} for k, v in held]
        context.add_cookies(cookies)  # type: ignore[arg-type]  # a list of such dicts is what it takes
        page = context.new_page()
        self.complaints.watch(page)
        page.goto(self.address + at)
        if at == "/people":
            expect(page.locator("#users > li").first).to_be_visible()
        return page

    def user(self, name: str, role: str = "viewer") -> str:
        """Somebody who may sign in; the id."""
        made = self.anna.post("/api/users", json={"name": name, "role": role, "password": PASSWORD})
        return str(made.raise_for_status().json()["id"])


@pytest.fixture
def visit(browser: Browser, town: tuple[str, httpx.Client]) -> Iterator[Visit]:
    opened = Visit(browser, town)
    before = set(browser.contexts)
    yield opened
    for context in set(browser.contexts) - before:
        context.close()
    opened.complaints.check()


def signs_in(address: str, name: str, password: str) -> bool:
    body = {"username": name, "password": password}
    return httpx.post(f"{address}/api/session", json=body, trust_env=False).is_success


def test_server_without_accounts_says_so_and_how_to_get_them(open_page: Open) -> None:
    page = open_page("en", path="/people")
    expect(page.get_by_role("heading", name="This server has no accounts")).to_be_visible()
    expect(page.get_by_text("touchstone serve --accounts")).to_be_visible()
    assert violations_in_both_themes(page) == []


def test_user_is_added_changed_disabled_and_removed(visit: Visit) -> None:
    page = visit.page()
    visit.complaints.expected = ("422",)
    page.get_by_role("button", name="Add a user").click()
    asked = page.get_by_role("dialog", name="Add a user")
    asked.get_by_label("Name").fill("ben")
    asked.get_by_label("Password", exact=True).fill("password1234")
    asked.get_by_role("button", name="Add a user").click()
    expect(asked.get_by_role("alert")).to_contain_text("password")
    expect(asked.get_by_label("Name")).to_have_value("ben")  # nothing typed is lost
    asked.get_by_role("button", name="Make one up").click()
    secret = asked.get_by_label("Password", exact=True).input_value()
    asked.get_by_label("Role").select_option("editor")
    asked.get_by_role("button", name="Add a user").click()
    expect(page.get_by_text("“ben” may sign in now.")).to_be_visible()
    assert signs_in(visit.address, "ben", secret)

    page.get_by_label("Role of ben").select_option("viewer")
    expect(page.get_by_text("“ben” is now: Viewer.")).to_be_visible()
    page.get_by_role("button", name="Reset password of ben").click()
    page.get_by_role("dialog").get_by_label("Password", exact=True).fill(PASSWORD)
    page.get_by_role("button", name="Set the password").click()
    expect(page.get_by_text("The password of “ben” was set.")).to_be_visible()
    assert signs_in(visit.address, "ben", PASSWORD)
    page.get_by_role("button", name="Unlock ben").click()
    expect(page.get_by_text("“ben” was not locked.")).to_be_visible()

    page.get_by_role("button", name="Disable ben").click()
    page.get_by_role("dialog").get_by_role("button", name="Disable").click()
    expect(page.get_by_text("disabled", exact=True)).to_be_visible()
    assert not signs_in(visit.address, "ben", PASSWORD)
    page.get_by_role("button", name="Enable ben").click()
    expect(page.get_by_text("“ben” was enabled.")).to_be_visible()
    page.get_by_role("button", name="Remove ben").click()
    assert violations_in_both_themes(page) == []
    page.get_by_role("dialog").get_by_role("button", name="Cancel").click()
    page.get_by_role("button", name="Remove ben").click()
    page.get_by_role("button", name="Remove the user").click()
    expect(page.get_by_label("Role of ben")).to_have_count(0)


def test_last_admin_cannot_shut_everybody_out(visit: Visit) -> None:
    page = visit.page()
    visit.complaints.expected = ("409",)
    page.get_by_role("button", name="Remove anna").click()
    page.get_by_role("button", name="Remove the user").click()
    expect(page.get_by_role("dialog").get_by_role("alert")).to_contain_text("admin")


def test_group_is_filled_and_granted_and_a_member_sees_the_knowledge_base(visit: Visit) -> None:
    visit.user("kim")
    page = visit.page()
    page.get_by_role("tab", name="Groups").click()
    page.get_by_role("button", name="New group").click()
    page.get_by_label("Name").fill("Sales")
    page.get_by_role("button", name="Create").click()
    page.get_by_role("button", name="Members of Sales").click()
    sheet = page.get_by_role("dialog", name="Members of Sales")
    sheet.get_by_label("Add a member").select_option("kim")
    sheet.get_by_role("button", name="Add", exact=True).click()
    expect(sheet.get_by_role("button", name="Take out kim")).to_be_visible()
    page.keyboard.press("Escape")
    expect(page.get_by_text("1 member", exact=True)).to_be_visible()

    page.get_by_role("tab", name="Access").click()
    page.get_by_label("User or group").select_option("Sales (group)")
    page.get_by_role("button", name="Grant", exact=True).click()
    expect(page.get_by_label("What Sales may do")).to_have_value("read")
    with httpx.Client(base_url=visit.address, headers={"Origin": visit.address}, trust_env=False) as kim:
        kim.post("/api/session", json={"username": "kim", "password": PASSWORD}).raise_for_status()

        def seen() -> list[str]:
            return [each["name"] for each in kim.get("/api/collections").json()["data"]]

        assert seen() == ["demo"]
        assert kim.get("/people").status_code == 403
        page.get_by_role("button", name="Take back the access of Sales").click()
        expect(page.get_by_text("Only admins see this knowledge base.")).to_be_visible()
        assert seen() == []
        page.get_by_role("button", name="Undo").click()
        expect(page.get_by_label("What Sales may do")).to_have_value("read")
        assert seen() == ["demo"]
        reader = kim.get("/api/session").json()
    assert [each["level"] for each in reader["collections"]] == ["read"]


def test_reader_sees_documents_and_nothing_that_changes_them(visit: Visit) -> None:
    visit.user("rosa")
    visit.anna.put("/api/collections/demo/grants", json={"name": "rosa", "level": "read"}).raise_for_status()
    with httpx.Client(base_url=visit.address, headers={"Origin": visit.address}, trust_env=False) as rosa:
        rosa.post("/api/session", json={"username": "rosa", "password": PASSWORD}).raise_for_status()
        visit.anna, anna = rosa, visit.anna
        page = visit.page(at="/documents")
        visit.anna = anna
        expect(page.locator("#documents > li").first).to_be_visible()
        expect(page.get_by_text("You may read this knowledge base.")).to_be_visible()
        for name in ("Choose files", "New knowledge base", re.compile("^Delete "), re.compile("^Replace ")):
            expect(page.get_by_role("button", name=name)).to_have_count(0)
        expect(page.get_by_role("tab")).to_have_count(0)
        expect(page.get_by_role("link", name="People")).to_have_count(0)
        page.locator("#documents .row-open").first.click()
        expect(page.get_by_role("dialog").get_by_role("heading", name="Chunk 1", exact=True)).to_be_visible()
        expect(page.get_by_role("button", name="Why is a page empty?")).to_have_count(0)
        assert violations_in_both_themes(page) == []


def test_reader_sees_approved_answers_and_nothing_that_changes_an_assistant(visit: Visit) -> None:
    visit.user("ruth")
    grant = {"name": "ruth", "level": "read"}
    visit.anna.put("/api/collections/demo/grants", json=grant).raise_for_status()
    (made,) = visit.anna.get("/api/assistants").json()["data"]
    draft = {"questions": ["Only a draft?"], "answer": "Yes.", "expires_on": "2999-01-01"}
    visit.anna.post(f"/api/assistants/{made['id']}/snippets", json=draft).raise_for_status()
    with httpx.Client(base_url=visit.address, headers={"Origin": visit.address}, trust_env=False) as ruth:
        ruth.post("/api/session", json={"username": "ruth", "password": PASSWORD}).raise_for_status()
        page = visit.page(at="/assistants", who=ruth)
        expect(page.locator(".snippet").first).to_contain_text("Approved")
        expect(page.locator(".snippet", has_text="Only a draft?")).to_have_count(0)
        for name in ("New assistant", "New answer", re.compile("^(Edit|Delete|Approve|Renew)")):
            expect(page.get_by_role("button", name=name)).to_have_count(0)
        expect(page.get_by_role("link", name="Ask it")).to_be_visible()


def test_key_is_revoked_and_the_log_tells_and_verifies(visit: Visit) -> None:
    made = visit.anna.post("/api/keys", json={"name": "Dify", "uses": ["chat"]}).raise_for_status().json()
    page = visit.page()
    page.get_by_role("tab", name="API keys").click()
    page.get_by_role("button", name="Revoke key Dify of anna").click()
    page.get_by_role("button", name="Revoke the key").click()
    expect(page.get_by_text("Key “Dify” was revoked.")).to_be_visible()
    headers = {"x-api-key": made["secret"]}
    assert httpx.get(f"{visit.address}/api/session", headers=headers, trust_env=False).status_code == 401

    page.get_by_role("tab", name="Audit log").click()
    page.get_by_label("Action").select_option("key_revoke")
    entries = page.locator("#audit li")
    expect(entries).to_have_count(1)
    expect(entries).to_contain_text("anna · key revoked")
    digest = visit.anna.get("/api/audit?action=key_revoke").json()["data"][0]["digest"]
    for noted, said in ((digest, "The digest noted still stands."), ("0" * 64, "it was changed.")):
        page.get_by_role("button", name="Verify the log").click()
        page.get_by_label("A digest noted elsewhere").fill(noted)
        page.get_by_role("dialog").get_by_role("button", name="Verify the log").click()
        expect(page.get_by_text(said)).to_be_visible()
        expect(page.get_by_text("each fits the one before it")).to_be_visible()


@pytest.mark.parametrize(("language", "width"), [("zh", 360), ("en", 1280)])
def test_every_part_is_readable_by_everyone_in_both_languages_and_widths(
    visit: Visit, language: str, width: int
) -> None:
    page = visit.page(language, width)
    SCREENSHOTS.mkdir(exist_ok=True)
    for tab in TABS:
        page.locator(f"#tab-{tab}").click()
        expect(page.locator(f"#part-{tab}")).to_be_visible()
        page.wait_for_load_state("networkidle")
        assert violations_in_both_themes(page) == []
        assert page.evaluate("document.querySelector('.sheet').scrollWidth") <= width
        page.screenshot(path=SCREENSHOTS / f"people-{tab}-{language}-{width}.png")


def test_editor_evaluates_only_the_knowledge_base_he_may_write_to(
    browser: Browser, town: tuple[str, httpx.Client], visit: Visit
) -> None:
    address, anna = town
    visit.user("eva", "editor")
    for collection in ("hers", "others"):
        anna.post("/api/collections", json={"name": collection}).raise_for_status()
        made = anna.post("/api/golden", json={"collection": collection, "name": f"set of {collection}"})
        case = {"question": "What is not there?", "answerable": False}
        anna.post(f"/api/golden/{made.json()['id']}/cases", json=case).raise_for_status()
    grant = {"name": "eva", "level": "write"}
    anna.put("/api/collections/hers/grants", json=grant).raise_for_status()
    with httpx.Client(base_url=address, headers={"Origin": address}, trust_env=False) as eva:
        eva.post("/api/session", json={"username": "eva", "password": PASSWORD}).raise_for_status()
        page = visit.page(at="/evaluation", who=eva)
    sets = page.locator("#sets")
    expect(sets.get_by_role("row").filter(has_text="set of hers")).to_be_visible()
    expect(sets).not_to_contain_text("set of others")
    expect(page.locator("#run-set option")).to_have_count(1)
    page.get_by_text("Start an evaluation").click()
    page.get_by_role("button", name="Start", exact=True).click()
    runs = page.locator("#runs")
    expect(runs.get_by_role("button", name=re.compile("^Delete set of hers"))).to_be_visible()
    expect(page.get_by_role("link", name="Monitoring")).to_have_count(0)
    assert anna.get("/api/golden").json()["data"][-1]["name"] == "set of others"


def test_change_of_a_user_whom_another_admin_has_changed_meanwhile_is_not_made(
    town: tuple[str, httpx.Client], visit: Visit
) -> None:
    _, anna = town
    user = visit.user("finn")
    page = visit.page()
    role = page.get_by_label("Role of finn")
    expect(role).to_have_value("viewer")
    anna.patch(f"/api/users/{user}", json={"active": False}).raise_for_status()
    role.select_option("editor")
    expect(page.get_by_text("Somebody else has changed “finn” meanwhile")).to_be_visible()
    assert anna.get(f"/api/users/{user}").json()["role"] == "viewer"
    expect(page.get_by_role("button", name="Enable finn")).to_be_visible()
    expect(role).to_have_value("viewer")
    role.select_option("editor")
    expect(page.get_by_text("“finn” is now: editor.")).to_be_visible()
