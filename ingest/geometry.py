"""Plane geometry of a page: from page space (y up, from anywhere) to the page as displayed.

A displayed page has its origin at the top left, y pointing down, in points.
A map (a, b, c, d, e, f) sends (x, y) to (a·x + c·y + e, b·x + d·y + f), as in ISO 32000-1, 8.3.4.
"""

from collections.abc import Sequence

Affine = tuple[float, float, float, float, float, float]
Rect = tuple[float, float, float, float]
"""The smaller x and y, then the larger ones."""


def display_map(
    rotation: int, left: float, bottom: float, right: float, top: float
) -> tuple[Affine, float, float]:
    """The map to the page as displayed (turned clockwise by 0, 90, 180 or 270), its width and height."""
    width, height = right - left, top - bottom
    if rotation == 90:
        return (0.0, 1.0, 1.0, 0.0, -bottom, -left), height, width
    if rotation == 180:
        return (-1.0, 0.0, 0.0, 1.0, right, -bottom), width, height
    if rotation == 270:
        return (0.0, -1.0, -1.0, 0.0, top, right), height, width
    return (1.0, 0.0, 0.0, -1.0, -left, top), width, height


def turn(matrix: Affine, rect: Rect) -> Rect:
    """The image of a rectangle under a map that turns by right angles only."""
    a, b, c, d, e, f = matrix
    x0, y0, x1, y1 = rect
    left, right = a * x0 + c * y0 + e, a * x1 + c * y1 + e
    top, bottom = b * x0 + d * y0 + f, b * x1 + d * y1 + f
    if left > right:
        left, right = right, left
    return (left, top, right, bottom) if top <= bottom else (left, bottom, right, top)


def transform(matrix: Affine, rect: Rect) -> Rect:
    """The smallest upright rectangle around the image of a rectangle, smaller coordinates first."""
    a, b, c, d, e, f = matrix
    x0, y0, x1, y1 = rect
    corners = [(a * x + c * y + e, b * x + d * y + f) for x in (x0, x1) for y in (y0, y1)]
    xs, ys = [x for x, _ in corners], [y for _, y in corners]
    return min(xs), min(ys), max(xs), max(ys)


def multiply(first: Affine, then: Affine) -> Affine:
    """The map that applies one map, then the other."""
    a, b, c, d, e, f = first
    ta, tb, tc, td, te, tf = then
    return (
        a * ta + b * tc,
        a * tb + b * td,
        c * ta + d * tc,
        c * tb + d * td,
        e * ta + f * tc + te,
        e * tb + f * td + tf,
    )


def between(one: tuple[float, float], other: tuple[float, float]) -> Rect:
    """The rectangle between two points."""
    (x0, y0), (x1, y1) = one, other
    return min(x0, x1), min(y0, y1), max(x0, x1), max(y0, y1)


def union(one: Rect, other: Rect) -> Rect:
    """The smallest rectangle around two."""
    return min(one[0], other[0]), min(one[1], other[1]), max(one[2], other[2]), max(one[3], other[3])


def holder(x: float, y: float, rects: Sequence[Rect]) -> Rect | None:
    """The first of the rectangles that holds the point."""
    return next((rect for rect in rects if rect[0] <= x <= rect[2] and rect[1] <= y <= rect[3]), None)


def to_frame(turned: int, width: float, height: float, rect: Rect) -> Rect:
    """A rectangle of a displayed page in the frame in which text turned clockwise by so much is upright.

    ``turned`` is 0, 90, 180 or 270; for 90 and 270 the frame is as wide as the page is high.
    """
    left, top, right, bottom = rect
    if turned == 90:
        return top, width - right, bottom, width - left
    if turned == 180:
        return width - right, height - bottom, width - left, height - top
    if turned == 270:
        return height - bottom, left, height - top, right
    return rect


def from_frame(turned: int, width: float, height: float, rect: Rect) -> Rect:
    """Back from such a frame to the displayed page, whose width and height these are."""
    if turned in (90, 270):
        return to_frame(360 - turned, height, width, rect)
    return to_frame(turned, width, height, rect)
