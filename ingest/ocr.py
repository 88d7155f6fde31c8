"""Reads a picture of text by machine: RapidOCR with PP-OCRv6 small (Chinese, English, Japanese), on the CPU.

The only importer of the optional extra ``ocr``. Its models lie in the package; nothing is ever downloaded.
"""

import os
import sys
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

if sys.modules.get("numpy", sys) is None:  # kept out of the parsers that do without (``parser_process.load``)
    del sys.modules["numpy"]

import cv2
import numpy as np
import numpy.typing as npt
import onnxruntime  # rapidocr imports it late, when the process may no longer open system libraries
import rapidocr

Picture = npt.NDArray[np.uint8]
"""Shape (height, width, 3): blue, green, red."""
Point = tuple[float, float]
_MODELS = {
    "Det.model_path": "PP-OCRv6_det_small.onnx",
    "Rec.model_path": "PP-OCRv6_rec_small.onnx",
    "Cls.model_path": "ch_ppocr_mobile_v2.0_cls_mobile.onnx",
}
_MOST_THREADS = 2  # more gain little, and answers are given on the same cores
_FIND_SIDE = 1600  # pixels of the longer side when lines are looked for; they are read at full size
_OUT_OF_MEMORY = ("bad_alloc", "allocate memory", "Insufficient memory")
_SAMPLE = 12  # lines looked at to tell which way up a picture is
_BATCH = 6  # lines read between two looks at the clock
_LEAST_RULE = 0.015  # of the shorter side of a picture
_THICK = 0.03  # of its length; a line that lies askew covers a thicker box
_TALL = 1.5  # times as high as wide: a line that runs down or up the picture
_MOSTLY = 0.6  # of the area of all lines


class PageTimeoutError(Exception):
    """A picture took longer than it may."""


@dataclass(frozen=True, slots=True)
class Reading:
    """A line of text, how sure the machine is of it (0..1), and where it stands.

    ``left``, ``top``, ``right`` and ``bottom`` are shares of the picture, turned so that its text is upright;
    ``height`` is that of the line itself, which may lie askew.
    """

    text: str
    score: float
    height: float
    left: float
    top: float
    right: float
    bottom: float


@dataclass(frozen=True, slots=True)
class Readings:
    """The lines of a picture that was turned clockwise by ``turned`` degrees (by right angles) to be read.

    ``rules`` are its ruling lines: left, top, right, bottom as shares of the turned picture.
    """

    lines: tuple[Reading, ...]
    rules: tuple[tuple[float, float, float, float], ...]
    turned: int


class Recogniser:
    """Finds the lines of text in pictures and reads them. The models are loaded when the first one comes."""

    def __init__(self) -> None:
        self._engine: rapidocr.RapidOCR | None = None

    def read(self, picture: Picture, deadline: float) -> Readings:
        """The lines, in no certain order; a picture that lies on its side is turned first.

        ``deadline`` is a ``time.monotonic()``. Raises ``PageTimeoutError`` once it is over, ``MemoryError``.
        """
        try:
            return self._readings(picture, deadline)
        except Exception as error:
            if any(mark in str(error) for mark in _OUT_OF_MEMORY):  # the runtime raises an error of its own
                raise MemoryError from error
            raise

    def _readings(self, picture: Picture, deadline: float) -> Readings:
        corners = self._find(picture)
        turned = 0
        if _lies_on_its_side(corners):
            turned, picture = 90, cv2.rotate(picture, cv2.ROTATE_90_CLOCKWISE)
            corners = self._find(picture)
        _check(deadline)
        if self._is_upside_down(self._loaded().crop_text_regions(picture, corners)):
            turned, picture = turned + 180, cv2.rotate(picture, cv2.ROTATE_180)
            corners = self._find(picture)
        rules = tuple(_rules(picture)) if len(corners) else ()
        height, width = picture.shape[:2]
        corners = _cut_at_rules(
            corners, [(x * width, a * height, b * height) for x, a, x1, b in rules if x == x1]
        )
        crops = self._loaded().crop_text_regions(picture, corners)
        lines: list[Reading] = []
        for index, text, score in self._read(crops, deadline):
            (left, top), (right, bottom) = corners[index].min(axis=0), corners[index].max(axis=0)
            box = (left / width, top / height, right / width, bottom / height)
            thickness = float(np.linalg.norm(corners[index][3] - corners[index][0])) / height
            lines.append(Reading(text, score, thickness, *map(float, box)))
        return Readings(tuple(lines), rules, turned)

    def _find(self, picture: Picture) -> npt.NDArray[np.float32]:
        """The corners of each line, shape (lines, 4, 2): clockwise from the top left, in pixels."""
        height, width = picture.shape[:2]
        scale = min(_FIND_SIDE / max(height, width), 1.0)
        small = (
            cv2.resize(picture, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA)
            if scale < 1
            else picture
        )
        found = self._loaded()(small, use_det=True, use_cls=False, use_rec=False)
        if found.boxes is None:
            return np.zeros((0, 4, 2), np.float32)
        return np.asarray(found.boxes, np.float32) / np.float32(scale)

    def _is_upside_down(self, crops: Sequence[Picture]) -> bool:
        """Whether most of the longest lines stand on their heads; single ones are misjudged too often."""
        longest = sorted(crops, key=lambda crop: crop.shape[1], reverse=True)[:_SAMPLE]
        if not longest:
            return False
        _, judged = self._loaded().cls_and_rotate(longest)
        heads_down: int = sum(label == "180" for label, _ in judged.cls_res)
        return 2 * heads_down > len(longest)

    def _read(self, crops: Sequence[Picture], deadline: float) -> Iterator[tuple[int, str, float]]:
        """Index, text and score of each line that says something; lines of like length are read together."""
        order = sorted(range(len(crops)), key=lambda index: crops[index].shape[1] / crops[index].shape[0])
        for start in range(0, len(order), _BATCH):
            _check(deadline)
            batch = order[start : start + _BATCH]
            read = self._loaded().recognize_txt([crops[index] for index in batch])
            for index, text, score in zip(batch, read.txts, read.scores, strict=True):
                if text.strip():
                    yield index, text.strip(), float(score)

    def _loaded(self) -> "rapidocr.RapidOCR":
        if self._engine is None:
            folder = Path(rapidocr.__file__).parent / "models"
            threads = max(1, min(_MOST_THREADS, (os.cpu_count() or 1) // 2))
            cv2.setNumThreads(1)
            onnxruntime.set_default_logger_severity(
                4
            )  # fatal errors only; the process may not look at its CPUs
            self._engine = rapidocr.RapidOCR(
                params={
                    "Global.log_level": "critical",
                    "Global.text_score": 0.0,  # what is too unsure is decided, and told, by ``scanned``
                    "EngineConfig.onnxruntime.intra_op_num_threads": threads,
                    "EngineConfig.onnxruntime.inter_op_num_threads": 1,
                    **{name: str(folder / file) for name, file in _MODELS.items()},
                }
            )
        return self._engine


def _rules(picture: Picture) -> Iterator[tuple[float, float, float, float]]:
    """The straight dark lines of a picture that run across or down."""
    height, width = picture.shape[:2]
    grey = cv2.cvtColor(picture, cv2.COLOR_BGR2GRAY)
    dark = cv2.adaptiveThreshold(grey, 255, cv2.ADAPTIVE_THRESH_MEAN_C, cv2.THRESH_BINARY_INV, 31, 12)
    least = max(round(_LEAST_RULE * min(height, width)), 8)
    for across in (True, False):
        kernel = np.ones((1, least) if across else (least, 1), np.uint8)
        lines = cv2.morphologyEx(dark, cv2.MORPH_OPEN, kernel)
        _, _, found, _ = cv2.connectedComponentsWithStats(lines)
        for left, top, wide, high, _ in found[1:].tolist():
            length, thickness = (wide, high) if across else (high, wide)
            if length >= 2 * least and thickness <= max(_THICK * length, 6):
                x, y = left + wide / 2, top + high / 2
                box = (left, y, left + wide, y) if across else (x, top, x, top + high)
                yield box[0] / width, box[1] / height, box[2] / width, box[3] / height


def _cut_at_rules(
    corners: npt.NDArray[np.float32], rules: Sequence[tuple[float, float, float]]
) -> npt.NDArray[np.float32]:
    """Lines that run over a vertical rule (x, top, bottom) cut in two there: they are cells of a table."""
    pieces = list(corners)
    for x, top, bottom in rules:
        for index in range(len(pieces)):
            quad = pieces[index]  # (4, 2): top left, top right, bottom right, bottom left
            (left, high), (right, low) = quad.min(axis=0), quad.max(axis=0)
            if not (
                left + (low - high) / 2 < x < right - (low - high) / 2 and top <= (high + low) / 2 <= bottom
            ):
                continue
            share = np.float32((x - left) / (right - left))
            above = quad[0] + share * (quad[1] - quad[0])
            below = quad[3] + share * (quad[2] - quad[3])
            pieces[index] = np.stack([quad[0], above, below, quad[3]])
            pieces.append(np.stack([above, quad[1], quad[2], below]))
    return np.asarray(pieces, np.float32).reshape(-1, 4, 2)


def _lies_on_its_side(corners: npt.NDArray[np.float32]) -> bool:
    """Whether most of the text runs up or down."""
    if not len(corners):
        return False
    sizes = corners.max(axis=1) - corners.min(axis=1)  # (lines, 2): width and height
    areas = sizes[:, 0] * sizes[:, 1]
    return bool(areas[sizes[:, 1] >= _TALL * sizes[:, 0]].sum() > _MOSTLY * areas.sum())


def _check(deadline: float) -> None:
    if time.monotonic() >= deadline:
        raise PageTimeoutError
