"""An answer whose events the test writes: the page's requests are its own, only the stream is not.

So the moments between two events, which a fast model leaves no time for, can be looked at.
"""

import json

from playwright.sync_api import Page

INSTALL = """() => {
  const real = window.fetch;
  const written = new TextEncoder();
  let controller = null;
  let seq = 0;
  window.asked = [];
  window.write = (name, data) => controller.enqueue(written.encode(
    `event: ${name}\\nid: ${(seq += 1)}\\ndata: ${JSON.stringify(data)}\\n\\n`));
  window.again = (from) => { seq = from; };
  window.lose = () => controller.error(new TypeError("network error"));
  const events = (signal) => new ReadableStream({ start(mine) {
    controller = mine;
    signal.addEventListener("abort", () => mine.error(new DOMException("away", "AbortError")));
  } });
  window.fetch = (path, options = {}) => {
    if (!/^\\/api\\/messages\\/[^/]+\\/events$/.test(path)) return real(path, options);
    window.asked.push(Number(options.headers["Last-Event-ID"]));
    return Promise.resolve(new Response(events(options.signal)));
  };
}"""


def take_stream(page: Page) -> None:
    """From now on ``write(page, …)`` says what comes of every answer."""
    page.evaluate(INSTALL)


def until(page: Page, expression: str) -> None:
    """Wait until it is true. (``wait_for_function`` makes code of text, which the page's policy forbids.)"""
    for _ in range(150):
        if page.evaluate(expression):
            return
        page.wait_for_timeout(100)
    raise AssertionError(f"never: {expression}")


def write(page: Page, name: str, data: object) -> None:
    """The next event."""
    until(page, "window.asked.length > 0")
    page.evaluate("([name, data]) => window.write(name, data)", [name, json.loads(json.dumps(data))])
