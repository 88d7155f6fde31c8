"""Formulas of Office files (OMML, ECMA-376 part 1, 22.1) as one line of text."""

from ingest.namespaces import MATH
from ingest.package import Element

FORMULA, FORMULAS = MATH + "oMath", MATH + "oMathPara"


def formula(element: Element) -> str:
    """A formula on one line: a/b, x^2, x_i, √(…); other structures by their parts in order."""
    tag = element.tag
    if tag == MATH + "t":
        return element.text or ""
    children = [(child.tag, formula(child)) for child in element if isinstance(child.tag, str)]
    parts = {name.removeprefix(MATH): shown for name, shown in children}
    if tag == MATH + "f":
        return f"{_grouped(parts.get('num', ''))}/{_grouped(parts.get('den', ''))}"
    if tag == MATH + "rad":
        return f"√({parts.get('e', '')})"
    if tag in (MATH + "sSup", MATH + "sSub", MATH + "sSubSup"):
        marks = (mark + _grouped(parts[name]) for name, mark in (("sub", "_"), ("sup", "^")) if name in parts)
        return parts.get("e", "") + "".join(marks)
    return "".join(shown for _, shown in children)


def _grouped(part: str) -> str:
    return part if len(part) <= 1 or part.isalnum() else f"({part})"
