"""The pages: rendered on the server in the reader's language, with the script's sentences beside them."""

from pathlib import Path

from fastapi import APIRouter, Request
from fastapi.responses import HTMLResponse, Response
from jinja2 import Environment, FileSystemLoader, StrictUndefined

from app.language import LANGUAGE_COOKIE, LANGUAGES, negotiate
from app.web.assets import Assets
from app.web.translate import Translations
from retrieval.types import Language

TEMPLATES = Path(__file__).parent / "templates"
THEME_COOKIE = "touchstone_theme"
THEMES = ("light", "dark")
YEAR_S = 365 * 24 * 3600


class Pages:
    """Renders the templates. Every value is escaped, an unknown name or sentence is an error."""

    def __init__(self, *, translations: Translations, assets: Assets, templates: Path = TEMPLATES) -> None:
        self._translations = translations
        self._assets = assets
        self._environment = Environment(loader=FileSystemLoader(templates), autoescape=True,
                                        undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True)

    def chat(self, request: Request) -> Response:
        """The chat page. A language asked for by ``?lang=`` is remembered in a cookie."""
        wanted = request.query_params.get("lang")
        language = negotiate(wanted, request.cookies.get(LANGUAGE_COOKIE),
                             request.headers.get("accept-language"))
        response = HTMLResponse(self._render("chat.html", request, language), headers={
            "Cache-Control": "no-store", "Content-Language": language, "Vary": "Accept-Language, Cookie"})
        if wanted in LANGUAGES:
            response.set_cookie(LANGUAGE_COOKIE, language, max_age=YEAR_S, httponly=True, samesite="lax",
                                secure=request.url.scheme == "https")
        return response

    def _render(self, template: str, request: Request, language: Language) -> str:
        def t(key: str, **values: object) -> str:
            return self._translations.text(language, key, **values)

        theme = request.cookies.get(THEME_COOKIE)
        return self._environment.get_template(template).render(
            t=t,
            language=language,
            languages=LANGUAGES,
            theme=theme if theme in THEMES else "",
            asset=self._assets.url,
            import_map=self._assets.import_map(),
            # Set by SecurityHeaders, whose policy names the same nonce; without it the page has no script.
            nonce=request.scope.get("state", {}).get("csp_nonce", ""),
            data={"language": language, "text": self._translations.below(language, "chat")},
        )


def router() -> APIRouter:
    """``GET /`` (the chat page) and ``GET /static/…``; ``SecurityHeaders`` gives the page its nonce."""
    assets = Assets()
    pages = Pages(translations=Translations.load(), assets=assets)
    routes = APIRouter(include_in_schema=False)

    @routes.get("/")
    def chat(request: Request) -> Response:
        return pages.chat(request)

    @routes.get("/static/{name:path}")
    def static(request: Request, name: str) -> Response:
        return assets.response(request, name)

    return routes
