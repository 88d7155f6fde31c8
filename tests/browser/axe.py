"""axe-core in a page: every breach of WCAG 2.0 to 2.2, A and AA, that a program can find.

The library (MPL-2.0, its licence lies beside it) is the published file, pinned by its hash; it is for tests
only and part of no wheel.
"""

import hashlib
from functools import cache
from pathlib import Path

from playwright.sync_api import Page

AXE = Path(__file__).parent / "axe-core-4.14.1" / "axe.min.js"
SHA256 = "29348999450cdf2849a8e70b7912fc2da85a849da39c0d0d5394f51d4a9ed95c"
"""Of axe.min.js in axe-core-4.14.1.tgz as npm has it."""
TAGS = ("wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa")
RUN = """async (tags) => {
  const { violations } = await axe.run(document, { runOnly: { type: "tag", values: tags } });
  return violations.flatMap(({ id, nodes }) => nodes.map((node) =>
    `${id}: ${node.target.join(" ")}: ${node.failureSummary.replace(/\\s+/g, " ")}`));
}"""


def violations(page: Page) -> list[str]:
    """What is wrong on the page as it stands: rule, element and reason of each; [] for nothing."""
    if not page.evaluate("'axe' in window"):
        page.evaluate(f"() => {{ {_source()} }}")
    found: list[str] = page.evaluate(RUN, list(TAGS))
    return found


def violations_in_both_themes(page: Page) -> list[str]:
    """The same, light and dark; the page is left light."""
    found = []
    for theme in ("dark", "light"):
        page.evaluate("(theme) => { document.documentElement.dataset.theme = theme; }", theme)
        page.wait_for_timeout(400)  # colours that change slowly have changed
        found += [f"{theme}: {each}" for each in violations(page)]
    return found


@cache
def _source() -> str:
    data = AXE.read_bytes()
    digest = hashlib.sha256(data).hexdigest()
    if digest != SHA256:
        raise AssertionError(f"{AXE} is not the published file: its SHA-256 is {digest}")
    return data.decode("utf-8")
