"""The shapes of a slide in reading order, groups taken apart."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from pptx.enum.shapes import PP_PLACEHOLDER

from ingest.namespaces import CHOICE, A, P
from ingest.package import Element

if TYPE_CHECKING:
    from pptx.shapes.base import BaseShape

MARGINS = frozenset(
    (PP_PLACEHOLDER.FOOTER, PP_PLACEHOLDER.DATE, PP_PLACEHOLDER.SLIDE_NUMBER, PP_PLACEHOLDER.HEADER)
)
TITLES = frozenset((PP_PLACEHOLDER.TITLE, PP_PLACEHOLDER.CENTER_TITLE, PP_PLACEHOLDER.VERTICAL_TITLE))
_SAME_ROW = 0.04  # of the slide's height; shapes whose tops differ by less are read from left to right


@dataclass(frozen=True, slots=True)
class Placed:
    """A shape with the place of its top left corner on the slide, in EMU."""

    shape: "BaseShape"
    top: float
    left: float


@dataclass(frozen=True, slots=True)
class _Frame:
    """How the coordinates of a group map onto the slide: place = offset + scale * own."""

    left: float = 0.0
    top: float = 0.0
    across: float = 1.0
    down: float = 1.0


def unwrap(slide: Element) -> None:
    """Put the newer form of each alternative in the place of the alternative.

    PowerPoint wraps shapes it thinks older programs cannot show (formulas, ink), and so hides them from
    readers that know no alternatives.
    """
    for wrapper in list(slide.iter(CHOICE + "AlternateContent")):
        parent, choice = wrapper.getparent(), wrapper.find(CHOICE + "Choice")
        if parent is not None:
            for child in list(choice) if choice is not None else ():
                wrapper.addprevious(child)
            parent.remove(wrapper)


def in_reading_order(shapes: "Iterable[BaseShape]", slide_height: int) -> "list[BaseShape]":
    """The shapes in groups and outside of them: rows from top to bottom, each from left to right."""
    placed = sorted(_flat(shapes, _Frame()), key=lambda each: each.top)
    rows: list[list[Placed]] = []
    for each in placed:
        if rows and each.top - rows[-1][0].top <= _SAME_ROW * slide_height:
            rows[-1].append(each)
        else:
            rows.append([each])
    return [each.shape for row in rows for each in sorted(row, key=lambda each: each.left)]


def is_hidden(shape: "BaseShape") -> bool:
    """Whether a shape is switched off in the selection pane."""
    properties = shape.element.find(f"*/{P}cNvPr")
    return properties is not None and properties.get("hidden") in ("1", "true")


def placeholder_type(shape: "BaseShape") -> PP_PLACEHOLDER | None:
    """What a placeholder is for; None for other shapes."""
    return shape.placeholder_format.type if shape.is_placeholder else None


def list_styles(shape: "BaseShape") -> Sequence[Element]:
    """The list styles a placeholder inherits from layout and master, nearest first; none for other shapes."""
    if not shape.is_placeholder:
        return ()
    styles: list[Element] = []
    at = shape
    for _ in range(2):  # layout, then master
        base = getattr(at, "_base_placeholder", None)
        if base is None:
            break
        found = base.element.find(f"{P}txBody/{A}lstStyle")
        styles += [found] if found is not None else []
        at = base
    master = getattr(getattr(shape.part, "slide_layout", None), "slide_master", None)
    texts = master.element.find(P + "txStyles") if master is not None else None
    if texts is not None:
        kind = placeholder_type(shape)
        named = "titleStyle" if kind in TITLES else "bodyStyle" if _is_body(kind) else "otherStyle"
        found = texts.find(P + named)
        styles += [found] if found is not None else []
    return styles


def _is_body(kind: PP_PLACEHOLDER | None) -> bool:
    return kind in (
        PP_PLACEHOLDER.BODY, PP_PLACEHOLDER.OBJECT, PP_PLACEHOLDER.SUBTITLE, PP_PLACEHOLDER.VERTICAL_BODY,
        PP_PLACEHOLDER.VERTICAL_OBJECT,
    )  # fmt: skip


def _flat(shapes: "Iterable[BaseShape]", frame: _Frame) -> Iterator[Placed]:
    for shape in shapes:
        inner = getattr(shape, "shapes", None)
        if inner is not None and not is_hidden(shape):
            yield from _flat(inner, _inside(shape, frame))
        else:
            top, left = shape.top or 0, shape.left or 0
            yield Placed(shape, frame.top + frame.down * top, frame.left + frame.across * left)


def _inside(group: "BaseShape", frame: _Frame) -> _Frame:
    """The frame of the shapes in a group (a:off, a:ext, a:chOff, a:chExt of its a:xfrm)."""
    transform = group.element.find(f"{P}grpSpPr/{A}xfrm")
    if transform is None:
        return frame
    left, top = _pair(transform.find(A + "off"), "x", "y")
    width, height = _pair(transform.find(A + "ext"), "cx", "cy")
    inner_left, inner_top = _pair(transform.find(A + "chOff"), "x", "y")
    inner_width, inner_height = _pair(transform.find(A + "chExt"), "cx", "cy")
    across = frame.across * (width / inner_width if inner_width else 1.0)
    down = frame.down * (height / inner_height if inner_height else 1.0)
    return _Frame(
        frame.left + frame.across * left - across * inner_left,
        frame.top + frame.down * top - down * inner_top,
        across,
        down,
    )


def _pair(element: Element | None, first: str, second: str) -> tuple[float, float]:
    if element is None:
        return 0.0, 0.0
    try:
        return float(element.get(first, "0")), float(element.get(second, "0"))
    except ValueError:
        return 0.0, 0.0
