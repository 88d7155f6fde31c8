"""An Office file (a ZIP of XML parts) made fit to be read: bounded, and without what could run, load or call.

Runs only inside the parser process. Libraries for Office files load every part and follow every relationship
they find; what they are given here holds XML parts alone, in the namespaces they know, with every
relationship that leads out of the file or nowhere taken away. Nothing is ever unpacked to a path.
"""

import io
import posixpath
import re
import struct
import traceback
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TypeAlias
from urllib.parse import unquote

from lxml import etree

from ingest.errors import IngestError
from retrieval.types import Notice

Element: TypeAlias = etree._Element
CONTENT_TYPES = "[Content_Types].xml"
_MAX_PARTS = 20_000
_MAX_UNPACKED = 300_000_000  # bytes of XML in all
_MAX_RATIO = 250  # times the packed size; sheets of repeated cells reach 100, bombs 1,000
_RATIO_FROM = 20_000_000  # bytes; a smaller part does no harm however well it is packed
_STRICT = re.compile(rb"http://purl\.oclc\.org/ooxml/(\w+)/")  # ISO/IEC 29500 Strict
_TRANSITIONAL = rb"http://schemas.openxmlformats.org/\1/2006/"
_DTD = tuple("<!DOCTYPE".encode(encoding) for encoding in ("utf-8", "utf-16-le", "utf-16-be"))
_LEFT_OUT = re.compile(r"(?:^|/)(?:customXml|externalLinks|pivotCache|pivotTables|activeX|embeddings)/")
_COMMENT = re.compile(rb"<(?:\w+:)?(?:comment|cm)[ >]")
_COMMENTS = re.compile(r"/(?:comments\d*|comments/\w*comment\w*)\.xml$")  # threaded ones have a twin here
_PROPERTIES = "docProps/"
_TITLE = "{http://purl.org/dc/elements/1.1/}title"
# Content type of the main part of a document, template or slide show, with or without macros.
_MAIN_TYPE = re.compile(rb"application/vnd\.[\w.-]+\.main\+xml")
_RELATIONSHIP = "{http://schemas.openxmlformats.org/package/2006/relationships}Relationship"
_BROKEN = (
    zipfile.BadZipFile,
    zlib.error,
    struct.error,
    EOFError,
    OSError,
    NotImplementedError,
    OverflowError,
    UnicodeError,
    ValueError,
)  # what zipfile raises for hostile bytes


@dataclass(frozen=True, slots=True)
class Package:
    """The XML parts by name ("word/document.xml"), and what was found beside them.

    ``external``: how many linked files (pictures, templates; hyperlinks aside) were not followed.
    """

    parts: dict[str, bytes]
    macros: bool
    embedded: int
    external: int

    def stored(self, *, main_type: str) -> io.BytesIO:
        """The parts as a ZIP again, uncompressed; macro-enabled files and templates become plain ones.

        Dates and properties are left out: libraries refuse a whole file for a date they cannot read.
        """
        packed = io.BytesIO()
        with zipfile.ZipFile(packed, "w", zipfile.ZIP_STORED) as archive:
            for name, data in self.parts.items():
                if name == CONTENT_TYPES:
                    data = _MAIN_TYPE.sub(main_type.encode(), data)
                if not name.startswith(_PROPERTIES):
                    archive.writestr(zipfile.ZipInfo(name), data)
        packed.seek(0)
        return packed

    @property
    def title(self) -> str:
        """The title in the properties, "" where there is none."""
        core = self.parts.get(_PROPERTIES + "core.xml")
        return (parse_xml(core).findtext(_TITLE) or "").strip() if core else ""

    def related(self, name: str, kind: str) -> list[str]:
        """The parts that a part ("" for the package) leads to by relationships of this kind."""
        return [target for _, type_, target in self._relationships(name) if type_.endswith("/" + kind)]

    def related_by_id(self, name: str) -> dict[str, str]:
        """The parts that a part leads to, by the id of the relationship."""
        return {key: target for key, _, target in self._relationships(name)}

    def _relationships(self, name: str) -> list[tuple[str, str, str]]:
        folder, base = posixpath.split(name)
        rels = self.parts.get(posixpath.join(folder, "_rels", base + ".rels"))
        return [
            (each.get("Id", ""), each.get("Type", ""), _target(folder, each.get("Target", "")))
            for each in (parse_xml(rels).iter(_RELATIONSHIP) if rels is not None else ())
        ]

    def comments(self) -> int:
        """How many comments people have left."""
        return sum(len(_COMMENT.findall(data)) for name, data in self.parts.items() if _COMMENTS.search(name))

    def notices(self) -> list[Notice]:
        """What the file holds beside its text and was left alone."""
        found = [Notice.of("macros_not_run")] if self.macros else []
        for code, count in (
            ("embedded_files_left_out", self.embedded),
            ("external_links_not_followed", self.external),
            ("comments_left_out", self.comments()),
        ):
            found += [Notice.of(code, count=count)] if count else []
        return found


def open_package(data: bytes) -> Package:
    """The package, bounded.

    Raises ``IngestError``: damaged; encrypted for a ZIP with a password; too_large where it unpacks to too
    much or holds too many parts.
    """
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            infos = {info.filename.replace("\\", "/"): info for info in archive.infolist()}
            kept = {name: info for name, info in infos.items() if _is_kept(name)}
            _check_sizes(kept)
            parts = {name: _read(archive, name, info) for name, info in kept.items()}
    except _BROKEN as error:
        raise IngestError(
            "damaged",
            f"its ZIP container is damaged or cut off ({type(error).__name__}); get the file again, or open "
            "it in Office and save it under a new name",
        ) from error
    embedded = external = 0
    for name in [name for name in parts if name.endswith(".rels")]:
        parts[name], inside, outside = _pruned(name, parts)
        embedded, external = embedded + inside, external + outside
    macros = any(name.endswith("vbaProject.bin") for name in infos)
    return Package(parts, macros, embedded, external)


def parse_xml(data: bytes) -> Element:
    """The root of a part. Resolves no entity, loads nothing. Raises ``IngestError`` (damaged)."""
    parser = etree.XMLParser(
        resolve_entities=False, no_network=True, load_dtd=False, huge_tree=False, remove_comments=True
    )
    try:
        return etree.fromstring(data, parser)
    except etree.XMLSyntaxError as error:
        _memory_first(error)
        raise IngestError(
            "damaged", f"one of its XML parts is broken ({error.msg}); open it in Office and save it again"
        ) from error


@contextmanager
def whole(what: str, program: str) -> Iterator[None]:
    """Turns what a library raises for parts it did not expect into ``IngestError`` (damaged)."""
    try:
        yield
    except (IngestError, MemoryError):
        raise
    except Exception as error:  # parts that contradict each other make the libraries raise almost any type
        _memory_first(error)
        place = traceback.extract_tb(error.__traceback__)[-1]
        where = f"{type(error).__name__} in {posixpath.basename(place.filename)}:{place.lineno}"
        raise IngestError(
            "damaged", f"its parts do not make {what} ({where}); save it again in {program}"
        ) from error


def _memory_first(error: Exception) -> None:
    """Raise ``MemoryError`` where that is what a syntax error of lxml stands for."""
    if isinstance(error, etree.XMLSyntaxError) and error.code == etree.ErrorTypes.ERR_NO_MEMORY:
        raise MemoryError from error


def to_bytes(root: Element) -> bytes:
    """A part with this root."""
    data: bytes = etree.tostring(root, xml_declaration=True, encoding="UTF-8", standalone=True)
    return data


def _is_kept(name: str) -> bool:
    return name.endswith((".xml", ".rels")) and not _LEFT_OUT.search(name)


def _check_sizes(kept: dict[str, zipfile.ZipInfo]) -> None:
    if len(kept) > _MAX_PARTS:
        raise IngestError(
            "too_large", f"it has {len(kept):,} parts, more than {_MAX_PARTS:,}; split the file"
        )
    total = sum(info.file_size for info in kept.values())
    if total > _MAX_UNPACKED:
        raise IngestError(
            "too_large",
            f"it unpacks to {total:,} bytes, more than the limit of {_MAX_UNPACKED:,}; split the file",
        )
    for name, info in kept.items():
        if info.file_size > _RATIO_FROM and info.file_size > _MAX_RATIO * max(info.compress_size, 1):
            raise IngestError(
                "too_large",
                f"{name} unpacks to {info.file_size:,} bytes from {info.compress_size:,} (a ZIP bomb?); "
                "do not open this file, or save it again in Office",
            )


def _read(archive: zipfile.ZipFile, name: str, info: zipfile.ZipInfo) -> bytes:
    """A part: at most as long as the directory says (zipfile stops there), in the transitional namespaces."""
    if info.flag_bits & 1:
        raise IngestError("encrypted", "it is protected by a password; save a copy without one")
    data = archive.read(info)
    if any(mark in data for mark in _DTD):
        raise IngestError(
            "damaged",
            f"{name} declares XML entities, which no Office program writes; do not trust this file, or open "
            "it in Office and save it again",
        )
    return _STRICT.sub(_TRANSITIONAL, data)


def _pruned(name: str, parts: dict[str, bytes]) -> tuple[bytes, int, int]:
    """Relationships without those that lead out or nowhere; counts of embedded and of linked files."""
    root = parse_xml(parts[name])
    folder = posixpath.dirname(posixpath.dirname(name))
    in_chart = "/charts/" in name  # a chart carries its numbers as a workbook; that is no file of its own
    embedded = external = 0
    for each in root.findall(_RELATIONSHIP):
        kind = each.get("Type", "").rpartition("/")[2]
        outside = each.get("TargetMode") == "External"
        if outside and kind != "hyperlink":
            external += 1
        if not outside and kind in ("oleObject", "package", "control", "aFChunk") and not in_chart:
            embedded += 1
        target = _target(folder, each.get("Target", ""))
        if outside or target not in parts or target.startswith(_PROPERTIES):
            root.remove(each)
    return to_bytes(root), embedded, external


def _target(folder: str, target: str) -> str:
    return posixpath.normpath(posixpath.join("/" + folder, unquote(target))).lstrip("/")
