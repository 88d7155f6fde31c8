"""``GET /docs``: every route with what it takes, answers and needs, from the OpenAPI document. No script.

The words about routes are those of the document, in English; everything around them is in the reader's
language.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from fastapi import APIRouter, FastAPI, Request
from fastapi.responses import Response

from app.web.pages import Pages

Node = Mapping[str, Any]  # of a JSON document whose shape the OpenAPI specification fixes
METHODS = ("get", "post", "put", "patch", "delete")
DEEPEST = 3  # objects inside objects that are shown; the document has all of them
LIMITS = ("minimum", "exclusiveMinimum", "maximum", "minLength", "maxLength", "minItems", "maxItems")


@dataclass(frozen=True, slots=True)
class Field:
    """A parameter, or a member of a body: ``name`` with its way down, as ``messages[].role``."""

    name: str
    kind: str
    required: bool
    limits: str
    about: str


@dataclass(frozen=True, slots=True)
class Operation:
    """One route. ``role`` and ``use`` are "" where it is open, ``use`` also where any will do.

    ``person``: no API key will do. ``level``: the right to the knowledge base in the address, "" for none.
    """

    method: str
    path: str
    about: str
    role: str
    use: str
    person: bool
    level: str
    parameters: tuple[Field, ...]
    body_kind: str
    body: tuple[Field, ...]
    answers: tuple[tuple[str, str], ...]

    @property
    def anchor(self) -> str:
        """Where it stands on the page."""
        return f"{self.method.lower()}{self.path.replace('/', '-').replace('{', '').replace('}', '')}"


@dataclass(frozen=True, slots=True)
class Group:
    """The routes of one tag."""

    name: str
    about: str
    operations: tuple[Operation, ...]


def routes(pages: Pages) -> APIRouter:
    """``GET /docs``."""
    made = APIRouter(include_in_schema=False)

    @made.get("/docs")
    def docs(request: Request) -> Response:
        app: FastAPI = request.app
        document = app.openapi()
        return pages.page(request, "docs.html", shared=True, groups=groups_of(document), version=app.version)

    return made


def groups_of(document: Node) -> list[Group]:
    """The routes of an OpenAPI document by tag, both in the order they are written down."""
    found: dict[str, list[Operation]] = {}
    for path, item in document["paths"].items():
        for method in METHODS:
            if method in item:
                tag = next(iter(item[method].get("tags", ())), "")
                found.setdefault(tag, []).append(_operation(method, path, item[method], document))
    about = {tag["name"]: tag.get("description", "") for tag in document.get("tags", ())}
    return [Group(tag, about.get(tag, ""), tuple(operations)) for tag, operations in found.items()]


def _operation(method: str, path: str, node: Node, document: Node) -> Operation:
    needs = node.get("x-touchstone-needs", {})
    content = node.get("requestBody", {}).get("content", {})
    kind = next(iter(content), "")
    return Operation(
        method=method.upper(),
        path=path,
        about=node.get("description") or node.get("summary", ""),
        role="" if needs.get("open") else needs.get("role", ""),
        use=needs.get("use") or "",
        person=bool(needs.get("person")),
        level=needs.get("level") or "",
        parameters=tuple(_parameter(each, document) for each in node.get("parameters", ())),
        body_kind=kind,
        body=tuple(_members(content[kind].get("schema", {}), document)) if kind else (),
        answers=tuple(
            (status, _flat(answer.get("description", "")))
            for status, answer in sorted(node.get("responses", {}).items())
        ),
    )


def _parameter(node: Node, document: Node) -> Field:
    schema = _resolved(node.get("schema", {}), document)
    name = f"{node['name']} ({node['in']})"
    required = bool(node.get("required"))
    return Field(name, _kind(schema, document), required, _limits(schema), _flat(node.get("description", "")))


def _members(schema: Node, document: Node, before: str = "", depth: int = 0) -> Iterator[Field]:
    """The members of an object, and of the objects in it."""
    for option in _options(schema, document):
        required = option.get("required", ())
        for name, node in option.get("properties", {}).items():
            inner = next(iter(_options(node, document)), {})
            about = node.get("description") or inner.get("description", "")
            needed = name in required and not before
            yield Field(before + name, _kind(node, document), needed, _limits(inner), _flat(about))
            if depth + 1 < DEEPEST:
                mark = "[]." if inner.get("type") == "array" else "."
                deeper = inner.get("items", {}) if inner.get("type") == "array" else node
                yield from _members(deeper, document, f"{before}{name}{mark}", depth + 1)


def _options(schema: Node, document: Node) -> list[Node]:
    """What a schema may be, null left out."""
    found = _resolved(schema, document)
    choices = found.get("anyOf") or found.get("oneOf")
    if not choices:
        return [found]
    return [each for choice in choices for each in _options(choice, document) if each.get("type") != "null"]


def _resolved(schema: Node, document: Node) -> Node:
    while "$ref" in schema:
        schema = document["components"]["schemas"][schema["$ref"].rsplit("/", 1)[-1]]
    return schema


def _kind(schema: Node, document: Node) -> str:
    names = dict.fromkeys(_name(each, document) for each in _options(schema, document))
    return " | ".join(names)


def _name(option: Node, document: Node) -> str:
    if "const" in option:
        return repr(option["const"])
    if "enum" in option:
        return " | ".join(repr(each) for each in option["enum"])
    kind = option.get("type", "any")
    if kind == "array":
        return f"list of {_kind(option.get('items', {}), document)}"
    return " | ".join(kind) if isinstance(kind, list) else str(kind)


def _limits(schema: Node) -> str:
    return ", ".join(f"{name} {schema[name]:g}" for name in LIMITS if name in schema)


def _flat(text: str) -> str:
    return " ".join(text.split())
