"""Build every PDF of the demo knowledge base from its HTML source.

Needs Chromium and two TrueType families, which Chromium embeds as subsets (CFF fonts such as
Noto CJK become bulky Type 3 glyphs). No network.
Debian: apt install chromium fonts-wqy-microhei fonts-liberation

    python data/demo/sources/make_pdfs.py            all documents
    python data/demo/sources/make_pdfs.py 安全白皮书   only this one
"""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

SOURCES = Path(__file__).resolve().parent
DOCUMENTS = SOURCES.parent / "documents"
BROWSERS = ("chromium", "chromium-browser", "google-chrome", "chrome")


def find_browser() -> str:
    """Return the path of an installed Chromium."""
    for name in BROWSERS:
        if path := shutil.which(name):
            return path
    raise SystemExit("Chromium is not installed; see the top of this file")


def print_pdf(browser: str, source: Path, target: Path) -> None:
    """Print one HTML page to PDF with its headings as the outline."""
    with tempfile.TemporaryDirectory() as profile:
        subprocess.run(  # noqa: S603 (a fixed command line)
            [
                browser,
                "--headless",
                "--no-sandbox",
                "--disable-gpu",
                "--disable-dev-shm-usage",
                "--disable-background-networking",
                "--disable-component-update",
                "--disable-sync",
                "--no-first-run",
                "--host-resolver-rules=MAP * ~NOTFOUND",
                f"--user-data-dir={profile}",
                "--no-pdf-header-footer",
                "--generate-pdf-document-outline",
                f"--print-to-pdf={target}",
                source.as_uri(),
            ],
            check=True,
            timeout=120,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )


def undouble_outline(pdf: bytes) -> bytes:
    """Repair outline titles: Chromium doubles those of headings that moved to the next page."""

    def once(match: re.Match[bytes]) -> bytes:
        opening, text, closing = match.groups()  # padded to the old length: offsets stay valid
        return (opening + text + closing).ljust(len(match[0]))

    return re.sub(rb"(/Title (?:<FEFF|\())(.+)\2([>)])", once, pdf)


def main(names: list[str]) -> None:
    """Build the named documents, or all."""
    browser = find_browser()
    DOCUMENTS.mkdir(exist_ok=True)
    for source in sorted(SOURCES.glob("*.html")):
        if names and source.stem not in names:
            continue
        target = DOCUMENTS / f"{source.stem}.pdf"
        print_pdf(browser, source, target)
        target.write_bytes(undouble_outline(target.read_bytes()))
        sys.stdout.write(f"{target.name}: {target.stat().st_size / 1000:.0f} kB\n")


if __name__ == "__main__":
    main(sys.argv[1:])
