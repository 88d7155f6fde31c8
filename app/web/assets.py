"""Static files under addresses that change with their bytes, so that browsers may keep them for ever."""

import hashlib
from dataclasses import dataclass
from pathlib import Path

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response

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


@dataclass(frozen=True, slots=True)
class Asset:
    """One static file: its bytes, the type it is sent as and a hash of the bytes."""

    data: bytes
    media_type: str
    version: str


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
        """The file, to be kept for ever at its hashed address, revalidated at the plain one; else 404."""
        asset = self._assets.get(name)
        if asset is None:
            raise HTTPException(404)
        lasting = request.query_params.get("v") == asset.version
        headers = {
            "Cache-Control": "public, max-age=31536000, immutable" if lasting else "no-cache",
            "ETag": f'"{asset.version}"',
        }
        if name.rpartition("/")[2] in WORKERS:
            headers["Content-Security-Policy"] = WORKER_POLICY
        if request.headers.get("if-none-match") == headers["ETag"]:
            return Response(status_code=304, headers=headers)
        return Response(asset.data, headers={**headers, "Content-Type": asset.media_type})


def _read(path: Path) -> Asset:
    data = path.read_bytes()
    media_type = MEDIA_TYPES.get(path.suffix, "application/octet-stream")
    return Asset(data, media_type, hashlib.sha256(data).hexdigest()[:16])
