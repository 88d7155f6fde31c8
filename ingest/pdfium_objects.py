"""What is drawn on a page besides text: images, fills, ruling lines, and small dots in front of lines.

Runs only inside the parser subprocess.
"""

from collections.abc import Iterator
from ctypes import c_float, c_int, c_uint
from dataclasses import dataclass, field

from ingest import pdfium_calls as call
from ingest.geometry import Affine, Rect, between, multiply, transform
from ingest.page import Rule

_WHITE = 250  # of 255, each of red, green and blue
_TRANSPARENT = 10  # of 255
_LEAST_RULE = 6.0  # points
_THIN = 1.0  # points; thicker lines are boxes
_DOT = (1.0, 8.0)  # points; how high and wide the dot of a list item is
_MAX_DEPTH = 8  # nested forms; PDFium itself stops recursion, this bounds our own walk
_MAX_OBJECTS = 100_000
_MAX_SEGMENTS = 20_000


@dataclass(slots=True)
class Backdrop:
    """What is drawn on a page besides text, as displayed, in points.

    ``fills`` are painted areas that are not white. ``dots`` are small shapes about as high as wide. ``texts``
    are the addresses of the text objects, where they were asked for. ``written``: there are such objects.
    """

    images: list[Rect] = field(default_factory=list)
    fills: list[Rect] = field(default_factory=list)
    dots: list[Rect] = field(default_factory=list)
    edges: list[Rect] = field(default_factory=list)
    texts: set[int] = field(default_factory=set)
    objects: int = 0
    written: bool = False
    drawn: bool = False

    def rules(self) -> tuple[tuple[Rule, ...], tuple[Rule, ...]]:
        """Vertical and horizontal rules as displayed; none where the page holds a large drawing."""
        vertical: set[Rule] = set()
        horizontal: set[Rule] = set()
        if len(self.edges) >= _MAX_SEGMENTS:
            return (), ()
        for edge in self.edges:
            left, top, right, bottom = edge
            if right - left <= _THIN and bottom - top >= _LEAST_RULE:
                vertical.add(Rule(round(left, 1), round(top, 1), round(bottom, 1)))
            elif bottom - top <= _THIN and right - left >= _LEAST_RULE:
                horizontal.add(Rule(round(top, 1), round(left, 1), round(right, 1)))
        return tuple(vertical), tuple(horizontal)


class Walker:
    """Walks the objects of a page, forms included."""

    def __init__(self) -> None:
        self._floats = call.Buffer(c_float, 6)
        self._bytes = call.Buffer(c_uint, 4)
        self._ints = call.Buffer(c_int, 2)

    def walk(self, page: int, to_display: Affine) -> Backdrop:
        """Everything on a page."""
        backdrop = Backdrop()
        items = (call.page_object(page, i) for i in range(call.count_objects(page)))
        self._look_at(items, to_display, 0, backdrop, texts=False)
        return backdrop

    def texts_of(self, page: int, first: int) -> set[int]:
        """The addresses of the text objects in the top-level objects from the index ``first`` on."""
        backdrop = Backdrop()
        items = (call.page_object(page, i) for i in range(first, call.count_objects(page)))
        self._look_at(items, (1.0, 0.0, 0.0, 1.0, 0.0, 0.0), 0, backdrop, texts=True)
        return backdrop.texts

    def is_pale(self, item: int) -> bool:
        """Whether an object is filled with white or with nothing."""
        if not call.fill_colour(item, *self._bytes.at):
            return False
        red, green, blue, alpha = self._bytes.values
        return bool(alpha <= _TRANSPARENT or min(red, green, blue) >= _WHITE)

    def _look_at(
        self, items: Iterator[int], matrix: Affine, depth: int, backdrop: Backdrop, *, texts: bool
    ) -> None:
        for item in items:
            backdrop.objects += 1
            if backdrop.objects > _MAX_OBJECTS:
                return
            kind = call.object_type(item)
            if kind == call.TEXT:
                backdrop.written = True
                if texts:
                    backdrop.texts.add(item)
            elif kind == call.PATH:
                self._path(item, matrix, backdrop)
            elif kind == call.FORM and depth < _MAX_DEPTH:
                parts = (call.form_part(item, i) for i in range(call.count_parts(item)))
                inner = multiply(self._matrix(item), matrix)
                self._look_at(parts, inner, depth + 1, backdrop, texts=texts)
            elif kind in (call.IMAGE, call.SHADING):
                backdrop.drawn = True
                backdrop.images.append(self._bounds(item, matrix))

    def _path(self, path: int, matrix: Affine, backdrop: Backdrop) -> None:
        backdrop.drawn = True
        call.draw_mode(path, *self._ints.at)
        fill, stroke = self._ints.values
        if not fill and not stroke:
            return
        bounds = self._bounds(path, matrix)
        width, height = bounds[2] - bounds[0], bounds[3] - bounds[1]
        pale = fill and self.is_pale(path)
        if (stroke or not pale) and _DOT[0] <= height <= _DOT[1] and height / 2 <= width <= 1.5 * height:
            backdrop.dots.append(bounds)
        if fill and not pale:
            backdrop.fills.append(bounds)
        if max(width, height) >= _LEAST_RULE and len(backdrop.edges) < _MAX_SEGMENTS:
            backdrop.edges.extend(self._segments(path, matrix))

    def _matrix(self, item: int) -> Affine:
        call.object_matrix(item, self._floats.at[0])
        a, b, c, d, e, f = self._floats.values
        return (a, b, c, d, e, f)

    def _bounds(self, item: int, matrix: Affine) -> Rect:
        call.object_bounds(item, *self._floats.at[:4])
        left, bottom, right, top = self._floats.values[:4]
        return transform(matrix, (left, bottom, right, top))

    def _segments(self, path: int, matrix: Affine) -> Iterator[Rect]:
        """The straight segments of a path as displayed, each as the rectangle between its ends."""
        count = min(call.count_segments(path), _MAX_SEGMENTS)
        if count < 2:
            return
        a, b, c, d, e, f = multiply(self._matrix(path), matrix)
        values, (at_x, at_y) = self._floats.values, self._floats.at[:2]
        start = here = (0.0, 0.0)
        for i in range(count):
            segment = call.path_segment(path, i)
            call.segment_point(segment, at_x, at_y)
            x, y = values[0], values[1]
            point = (a * x + c * y + e, b * x + d * y + f)
            kind = call.segment_type(segment)
            if kind == call.MOVE:
                start = point
            elif kind == call.LINE:
                yield between(here, point)
            here = point
            if call.segment_closes(segment):
                yield between(here, start)
