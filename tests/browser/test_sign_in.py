"""Several people in Chromium: first admin, sign-in, asking, account, sign-out, with and without script."""

import re
from collections.abc import Callable, Iterator

import httpx
import pytest
from playwright.sync_api import Browser, BrowserContext, Error, Page, expect

from tests.browser.conftest import SCREENSHOTS, Complaints, serving

pytestmark = pytest.mark.browser

PASSWORD = "violet kettle under seven moons"  # noqa: S105 - of people who live for one test
OTHER = "green ladder behind the orchard"
QUESTION = "报销发票需要哪些盖章？"
SIZES = ((360, 740), (1280, 800))


@pytest.fixture(scope="module")
def fresh(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[str, str]]:
    """The address of a server in accounts mode, and the one it printed for the first admin."""
    with serving(tmp_path_factory.mktemp("accounts"), "--accounts") as (address, said):
        setup = re.search(r"http://\S+/setup\?token=\S+", said.readline())
        assert setup is not None
        yield address, setup[0]


@pytest.fixture
def inhabited(fresh: tuple[str, str]) -> Callable[[str], str]:
    """Adds a viewer to the server, whose first admin is anna by then, and gives its address."""
    address, setup = fresh

    def add(name: str) -> str:
        with httpx.Client(base_url=address, headers={"Origin": address}, trust_env=False) as client:
            form = {"token": setup.partition("token=")[2], "username": "anna"}
            client.post("/setup", data={**form, "password": PASSWORD, "repeated": PASSWORD})
            client.post("/api/session", json={"username": "anna", "password": PASSWORD}).raise_for_status()
            client.post("/api/users", json={"name": name, "password": PASSWORD}).raise_for_status()
        return address

    return add


def _context(browser: Browser, complaints: Complaints, *, width: int = 1280, height: int = 800,
             script: bool = True, dark: bool = False, locale: str = "zh-CN") -> BrowserContext:  # fmt: skip
    context = browser.new_context(
        locale=locale, viewport={"width": width, "height": height}, java_script_enabled=script,
        color_scheme="dark" if dark else "light", reduced_motion="reduce",
    )  # fmt: skip
    context.set_default_timeout(15_000)
    context.on("page", complaints.watch)
    return context


def _shoot(page: Page, name: str) -> None:
    """Pictures of the page at both widths; it may never be wider than the screen."""
    SCREENSHOTS.mkdir(exist_ok=True)
    for width, height in SIZES:
        page.set_viewport_size({"width": width, "height": height})
        over = "document.documentElement.scrollWidth - document.documentElement.clientWidth"
        assert int(page.evaluate(over)) <= 0, (name, width)
        page.screenshot(path=SCREENSHOTS / f"{name}-{width}.png")


def _fields_are_labelled(page: Page) -> None:
    """Every field has a name that is read out, and what describes it is there."""
    unnamed = """[...document.querySelectorAll("input:not([type=hidden]), select, button")].filter((one) =>
        !one.closest("[aria-hidden]") && one.getAttribute("aria-hidden") !== "true" &&
        !(one.labels?.length || one.getAttribute("aria-label") || one.textContent.trim())).length"""
    assert page.evaluate(unnamed) == 0
    dangling = """[...document.querySelectorAll("[aria-describedby], [aria-labelledby]")].flatMap((one) =>
        `${one.getAttribute("aria-describedby") ?? ""} ${one.getAttribute("aria-labelledby") ?? ""}`.trim()
        .split(/\\s+/)).filter((id) => !document.getElementById(id))"""
    assert page.evaluate(dangling) == []


def test_first_admin_signs_in_asks_looks_at_the_account_and_signs_out(
    browser: Browser, fresh: tuple[str, str]
) -> None:
    address, setup = fresh
    complaints = Complaints(address)
    context = _context(browser, complaints)
    page = context.new_page()
    page.goto(address)
    expect(page).to_have_url(re.compile(r"/login\?next=%2F$"))
    expect(page.get_by_text("还没有任何账户")).to_be_visible()

    page.goto(setup)
    _fields_are_labelled(page)
    page.get_by_label("用户名").fill("anna")
    page.get_by_label("密码", exact=True).fill(PASSWORD)
    page.get_by_label("再次输入密码").fill("something else")
    complaints.expected = ("422",)
    page.get_by_role("button", name="创建管理员并登录").click()
    expect(page.get_by_text("两次输入的密码不同。")).to_be_visible()
    expect(page.get_by_label("再次输入密码")).to_be_focused()
    _shoot(page, "setup")
    page.get_by_label("密码", exact=True).fill(PASSWORD)
    page.get_by_label("再次输入密码").fill(PASSWORD)
    page.get_by_role("button", name="创建管理员并登录").click()

    page.locator('#state[data-state="ready"]').wait_for()
    page.locator("#question").fill(QUESTION)
    page.keyboard.press("Enter")
    expect(page.locator(".turn .prose")).to_contain_text("发票专用章")
    _shoot(page, "chat-signed-in")
    page.get_by_role("link", name="anna 的账户").click()
    expect(page.get_by_role("heading", name="您的账户")).to_be_visible()
    expect(page.get_by_text("当前浏览器")).to_be_visible()
    _fields_are_labelled(page)
    _shoot(page, "account")
    page.get_by_label("名称").fill("Dify")
    page.get_by_role("button", name="创建密钥").click()
    secret = page.get_by_label("新密钥", exact=True).inner_text()
    who = httpx.get(f"{address}/api/session", headers={"x-api-key": secret}).json()
    assert (who["name"], who["uses"]) == ("anna", ["chat", "search"])
    page.emulate_media(color_scheme="dark")
    _shoot(page, "account-key-dark")
    page.get_by_role("button", name="吊销密钥 Dify").click()
    expect(page.get_by_text("密钥已吊销")).to_be_visible()
    assert httpx.get(f"{address}/api/session", headers={"x-api-key": secret}).status_code == 401

    page.locator("main").get_by_role("button", name="退出登录", exact=True).click()
    expect(page).to_have_url(f"{address}/login")
    page.go_back()
    page.reload()
    expect(page.get_by_role("heading", name="登录")).to_be_visible()
    context.close()
    complaints.check()


def test_everything_about_an_account_works_without_script(
    browser: Browser, inhabited: Callable[[str], str]
) -> None:
    address = inhabited("ben")
    complaints = Complaints(address)
    complaints.expected = ("401",)
    context = _context(browser, complaints, script=False, locale="en-US")
    page = context.new_page()
    page.goto(f"{address}/account")
    for password in ("not this one", PASSWORD):
        page.get_by_label("Name").fill("ben")
        page.get_by_label("Password").fill(password)
        page.get_by_role("button", name="Sign in").click()
        if password != PASSWORD:
            expect(page.get_by_role("alert")).to_have_text(
                "Name or password is wrong, or the account is disabled."
            )
    expect(page.get_by_role("heading", name="Your account")).to_be_visible()
    page.get_by_label("Present password").fill(PASSWORD)
    page.get_by_label("New password", exact=True).fill(OTHER)
    page.get_by_label("New password again").fill(OTHER)
    page.get_by_role("button", name="Change password").click()
    expect(page.get_by_role("status")).to_contain_text("Your password was changed.")
    page.get_by_role("link", name="中文").click()
    expect(page.get_by_role("heading", name="您的账户")).to_be_visible()
    context.close()
    complaints.check()


def _go(page: Page, address: str) -> None:
    """Where the page goes to the sign-in by itself just then, that ends this way there: then once more."""
    try:
        page.goto(address)
    except Error as error:
        if "ERR_ABORTED" not in str(error):
            raise
        page.wait_for_load_state()
        page.goto(address)


def test_conversation_of_somebody_else_in_the_same_tab_is_not_shown(
    browser: Browser, inhabited: Callable[[str], str]
) -> None:
    address = inhabited("kim")
    complaints = Complaints(address)
    context = _context(browser, complaints)
    page = context.new_page()
    for name in ("anna", "kim"):
        _go(page, f"{address}/login")
        page.get_by_label("用户名").fill(name)
        page.get_by_label("密码").fill(PASSWORD)
        if name == "anna":
            _shoot(page, "login")
        page.get_by_role("button", name="登录").click()
        page.locator('#state[data-state="ready"]').wait_for()
        if name == "kim":
            expect(page.locator(".turn")).to_have_count(0)
            expect(page.locator("#question")).to_have_value("")
            break
        page.locator("#question").fill(QUESTION)
        page.keyboard.press("Enter")
        expect(page.locator(".turn .prose")).to_contain_text("发票专用章")
        page.locator("#question").fill("半句话")
        context.clear_cookies()  # his session is gone, what the tab keeps is not
    context.close()
    complaints.check()
