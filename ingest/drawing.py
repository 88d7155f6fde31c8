"""Text, charts and diagrams (SmartArt) in the drawings of Office files.

Runs only inside the parser process.
"""

from ingest.blocks import row
from ingest.formula import FORMULA, formula
from ingest.namespaces import CHART, DIAGRAM, A
from ingest.number_format import shown
from ingest.package import Element, parse_xml

_MAX_POINTS = 100_000  # of one series; idx in the file says where a point stands


def paragraph_text(paragraph: Element) -> str:
    """The runs, line breaks, fields and formulas of a paragraph."""
    parts: list[str] = []
    for child in paragraph.iter():
        if child.tag == A + "t":
            parts.append(child.text or "")
        elif child.tag == A + "br":
            parts.append("\n")
        elif child.tag == FORMULA:
            parts.append(formula(child))
    return "".join(parts)


def diagram_lines(part: bytes) -> list[str]:
    """The texts of a diagram's nodes in the order of its data model (ppt/diagrams/data1.xml)."""
    lines: list[str] = []
    for point in parse_xml(part).iter(DIAGRAM + "pt"):
        if point.get("type", "node") in ("node", "asst"):
            text = " ".join(paragraph_text(each) for each in point.iter(A + "p")).strip()
            lines += [text] if text else []
    return lines


def chart_table(part: bytes) -> tuple[str, list[str]]:
    """Title and rows of a chart: categories down, series across, with the numbers kept in the file."""
    root = parse_xml(part)
    title = root.find(f"{CHART}chart/{CHART}title")
    paragraphs = title.iter(A + "p") if title is not None else ()
    heading = " ".join(map(paragraph_text, paragraphs)).strip()
    series = list(root.iter(CHART + "ser"))
    if not series:
        return heading, []
    names = [_first(each.find(CHART + "tx")) for each in series]
    categories: dict[int, str] = {}
    columns: list[dict[int, str]] = []
    for each in series:
        for tag in ("cat", "xVal"):
            categories = categories or _points(each.find(CHART + tag))
        columns.append(_points(each.find(CHART + "val")) or _points(each.find(CHART + "yVal")))
    last = max((max(column, default=-1) for column in [categories, *columns]), default=-1)
    header = row(["", *names])
    rows = [header] if any(names) else []
    for index in range(min(last + 1, _MAX_POINTS)):
        line = row([categories.get(index, ""), *(column.get(index, "") for column in columns)])
        rows += [line] if line else []
    return heading, rows


def _first(parent: Element | None) -> str:
    value = parent.find(f".//{CHART}v") if parent is not None else None
    return (value.text or "").strip() if value is not None else ""


def _points(parent: Element | None) -> dict[int, str]:
    """The values kept for a series, by index, written as their format says."""
    if parent is None:
        return {}
    code = parent.findtext(f".//{CHART}formatCode") or "General"
    is_number = parent.find(f".//{CHART}numCache") is not None or parent.find(f".//{CHART}numLit") is not None
    found: dict[int, str] = {}
    for point in parent.iter(CHART + "pt"):
        index, value = point.get("idx", ""), (point.findtext(CHART + "v") or "").strip()
        if index.isdecimal() and value:
            value = _number(value, point.get("formatCode", code)) if is_number else value
            found.setdefault(int(index), value)
    return found


def _number(value: str, code: str) -> str:
    try:
        return shown(float(value), code)
    except ValueError:
        return value
