"""The pages: rendered on the server in the reader's language, with the script's sentences beside them."""

from collections.abc import Mapping
from pathlib import Path

from fastapi import APIRouter, Request
from fastapi.responses import HTMLResponse, Response
from jinja2 import Environment, FileSystemLoader, StrictUndefined

from app.access.channel import Channel
from app.access.principal import Principal
from app.language import LANGUAGE_COOKIE, LANGUAGES, negotiate
from app.web.assets import Assets
from app.web.encoding import encoded
from app.web.navigation import entries_for
from app.web.translate import Translations
from retrieval.types import Language

TEMPLATES = Path(__file__).parent / "templates"
THEME_COOKIE = "touchstone_theme"
THEMES = ("light", "dark")
YEAR_S = 365 * 24 * 3600


class Pages:
    """Renders the templates. Every value is escaped, an unknown name or sentence is an error.

    A page extends ``layout.html`` and fills its blocks ``title``, ``head`` (styles, module script) and
    ``main``; its scripts get the sentences of ``common`` and of the page's own ``section``.
    """

    def __init__(self, *, translations: Translations, assets: Assets, templates: Path = TEMPLATES) -> None:
        self._translations = translations
        self.assets = assets
        self._environment = Environment(loader=FileSystemLoader(templates), autoescape=True,
                                        undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True)

    def page(
        self, request: Request, template: str, *, section: str = "", shared: bool = False, status: int = 200,
        **values: object,
    ) -> Response:  # fmt: skip
        """A page. A language asked for by ``?lang=`` is remembered in a cookie.

        ``section``: whose sentences its scripts get, such as ``"page.documents"``; "" for none of its own.
        A page with a section is a shell whose data its scripts fetch, one that is ``shared`` the same for
        everyone: both may leave compressed. Any other may hold a secret, and does not.
        """
        wanted = request.query_params.get("lang")
        language = self.language(request)
        body = self._render(template, request, language, section, values).encode()
        encoding: dict[str, str] = {}
        if request.method == "GET" and (section or shared):
            body, encoding = encoded(body, request.headers)
        response = HTMLResponse(body, status, headers={
            "Cache-Control": "no-store", "Content-Language": language, **encoding,
            "Vary": "Accept-Language, Cookie, Accept-Encoding"})
        if wanted in LANGUAGES:
            response.set_cookie(LANGUAGE_COOKIE, language, max_age=YEAR_S, httponly=True, samesite="lax",
                                secure=request.url.scheme == "https")
        return response

    def language(self, request: Request) -> Language:
        """The language a page is in: the one asked for, the reader's choice, else the browser's."""
        return negotiate(request.query_params.get("lang"), request.cookies.get(LANGUAGE_COOKIE),
                         request.headers.get("accept-language"))

    def text(self, request: Request, key: str, **blanks: object) -> str:
        """A sentence in the language of a page, for what a page loads and is none."""
        return self._translations.text(self.language(request), key, **blanks)

    def _render(
        self, template: str, request: Request, language: Language, section: str, values: Mapping[str, object]
    ) -> str:
        def t(key: str, **blanks: object) -> str:
            return self._translations.text(language, key, **blanks)

        theme = request.cookies.get(THEME_COOKIE)
        state = request.scope.get("state", {})
        asker: Principal | None = state.get("principal")
        came_over: Channel | None = state.get("channel")
        return self._environment.get_template(template).render(
            t=t,
            language=language,
            languages=LANGUAGES,
            theme=theme if theme in THEMES else "",
            asset=self.assets.url,
            import_map=self.assets.import_map(),
            # Set by SecurityHeaders, whose policy names the same nonce; without it the page has no script.
            nonce=state.get("csp_nonce", ""),
            person=asker if asker is not None and asker.session else None,
            insecure=came_over is not None and came_over.exposed and bool(came_over.cookie),
            here=request.url.path,
            navigation=entries_for(asker),
            data={"language": language, "text": self._sentences(language, section),
                  "who": asker.id if asker is not None else ""},
            **values,
        )

    def _sentences(self, language: Language, section: str) -> dict[str, str]:
        own = self._translations.below(language, section) if section else {}
        return self._translations.below(language, "common") | own


def load() -> Pages:
    """The pages, with every sentence and every static file read."""
    return Pages(translations=Translations.load(), assets=Assets())


def router(pages: Pages | None = None) -> APIRouter:
    """The chat page at ``/`` and ``/c/{id}``, and ``/static/…``; ``SecurityHeaders`` gives it its nonce."""
    pages = pages or load()
    routes = APIRouter(include_in_schema=False)

    @routes.get("/")
    @routes.get("/c/{conversation_id}")
    def chat(request: Request) -> Response:
        """What the address names is looked up by the page, in the API: no second way leads to it."""
        return pages.page(request, "chat.html", section="chat")

    @routes.get("/static/{name:path}")
    def static(request: Request, name: str) -> Response:
        return pages.assets.response(request, name)

    return routes
