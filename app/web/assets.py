"""Static files under addresses that change with their bytes, so that browsers may keep them for ever."""

import hashlib
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response

from app.web.encoding import LEVEL, SMALLEST, gzipped, takes_gzip

STATIC = Path(__file__).parent / "static"

# Named here rather than taken from the system's table, which differs between machines (.mjs above all).
MEDIA_TYPES = {
    ".css": "text/css; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".mjs": "text/javascript; charset=utf-8",
    ".json": "application/json",
    ".svg": "image/svg+xml",
    ".wasm": "application/wasm",
    "": "text/plain; charset=utf-8",
}

# A worker takes the policy of its own script: the PDF viewer's may compile WebAssembly, no page may.
WORKER_POLICY = "default-src 'none'; script-src 'self' 'wasm-unsafe-eval'; connect-src 'self'; font-src data:"
WORKERS = ("pdf.worker.min.mjs",)
MOST_LEFT = 0.95  # a file whose compressed bytes are a larger share of it leaves as it is


@dataclass(frozen=True)
class Asset:
    """One static file: its bytes, the type it is sent as and a hash of the bytes."""

    data: bytes
    media_type: str
    version: str

    @cached_property
    def smaller(self) -> bytes:
        """The bytes compressed, made once, for the first who takes them; b"" where that saves nothing."""
        if len(self.data) < SMALLEST:
            return b""
        small = gzipped(self.data, LEVEL)
        return small if len(small) <= MOST_LEFT * len(self.data) else b""


class Assets:
    """The files of one folder, read once; whatever is not among them does not exist.

    ``prefix`` is the path they are served under. A request never becomes a file name, so no path can escape.
    """

    def __init__(self, folder: Path = STATIC, prefix: str = "/static/") -> None:
        self.prefix = prefix
        self._assets = {path.relative_to(folder).as_posix(): _read(path)
                        for path in sorted(folder.rglob("*")) if path.is_file()}

    def names(self) -> tuple[str, ...]:
        """Every file's path below the folder, sorted."""
        return tuple(self._assets)

    def url(self, name: str) -> str:
        """The address of a file with the hash of its bytes. Raises ``KeyError`` for an unknown file."""
        return f"{self.prefix}{name}?v={self._assets[name].version}"

    def import_map(self) -> dict[str, dict[str, str]]:
        """A map (WHATWG HTML, import maps) from every module's plain address to the one with its hash.

        So modules may import each other by plain relative names and are still fetched at lasting addresses.
        """
        return {"imports": {f"{self.prefix}{name}": self.url(name)
                            for name in self._assets if name.endswith((".js", ".mjs"))}}

    def response(self, request: Request, name: str) -> Response:
        """The file, to be kept for ever at its hashed address, revalidated at the plain one; else 404.

        It leaves compressed for whoever takes gzip; the compressed bytes have an ETag of their own.
        """
        asset = self._assets.get(name)
        if asset is None:
            raise HTTPException(404)
        lasting = request.query_params.get("v") == asset.version
        small = asset.smaller if takes_gzip(request.headers.get("accept-encoding", "")) else b""
        headers = {
            "Cache-Control": "public, max-age=31536000, immutable" if lasting else "no-cache",
            "ETag": f'"{asset.version}-gzip"' if small else f'"{asset.version}"',
            "Vary": "Accept-Encoding",
        }
        if name.rpartition("/")[2] in WORKERS:
            headers["Content-Security-Policy"] = WORKER_POLICY
        if _names(request.headers.get("if-none-match", ""), headers["ETag"]):
            return Response(status_code=304, headers=headers)
        if small:
            headers["Content-Encoding"] = "gzip"
        return Response(small or asset.data, headers={**headers, "Content-Type": asset.media_type})


def _names(if_none_match: str, etag: str) -> bool:
    """Whether the header names this ETag, by weak comparison (RFC 9110 section 13.1.2)."""
    named = {each.strip().removeprefix("W/") for each in if_none_match.split(",")}
    return etag in named or "*" in named


def _read(path: Path) -> Asset:
    data = path.read_bytes()
    media_type = MEDIA_TYPES.get(path.suffix, "application/octet-stream")
    return Asset(data, media_type, hashlib.sha256(data).hexdigest()[:16])
