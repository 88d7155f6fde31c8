"""What each route needs: the one table. A route that is not in it is refused."""

from dataclasses import dataclass

from app.access.principal import Principal, Role, Use


@dataclass(frozen=True, slots=True)
class Rule:
    """What a caller of a route must have; what he may do with a knowledge base is asked for behind it.

    ``use``: what an API key must be for. ``open``: nobody needs to have signed in.
    """

    use: Use | None = None
    role: Role = "viewer"
    open: bool = False

    def lacks(self, principal: Principal) -> str:
        """What a principal lacks for it; "" for nothing."""
        if self.use is not None and self.use not in principal.uses:
            return f"an API key for {self.use}"
        return "" if principal.is_at_least(self.role) else f"the role {self.role}"


OPEN = Rule(open=True)
ANYONE = Rule()  # who has signed in, by whatever means
_CHAT, _SEARCH, _RERANK = Rule("chat"), Rule("search"), Rule("rerank")
_INGEST, _MAKES, _ADMIN = Rule("ingest"), Rule("ingest", "editor"), Rule("admin", "admin")

_COLLECTION = "/api/collections/{collection}"

RULES: dict[tuple[str, str], Rule] = {
    ("GET", "/healthz"): OPEN,
    ("GET", "/readyz"): OPEN,
    ("GET", "/"): ANYONE,
    ("GET", "/static/{name}"): OPEN,
    ("GET", "/openapi.json"): ANYONE,
    ("GET", "/api/status"): ANYONE,
    ("GET", "/api/examples"): ANYONE,
    ("GET", "/api/presets"): ANYONE,
    ("GET", "/api/chunks/{chunk_id}"): _SEARCH,
    ("POST", "/api/ask"): _CHAT,
    ("GET", "/api/answers"): _CHAT,
    ("GET", "/api/answers/{answer_id}"): _CHAT,
    ("POST", "/api/checkup"): _ADMIN,
    ("POST", "/api/doctor"): _ADMIN,
    ("POST", "/api/index/rebuild"): _ADMIN,
    ("POST", "/api/backup"): _ADMIN,
    ("POST", "/rerank"): _RERANK,
    ("POST", "/v1/rerank"): _RERANK,
    ("POST", "/v2/rerank"): _RERANK,
    ("POST", "/score"): _RERANK,
    ("POST", "/v1/score"): _RERANK,
    ("GET", "/api/jobs"): _INGEST,
    ("GET", "/api/jobs/events"): _INGEST,
    ("GET", "/api/jobs/{job_id}"): _INGEST,
    ("POST", "/api/jobs/{job_id}/cancel"): _INGEST,
    ("POST", "/api/jobs/{job_id}/retry"): _INGEST,
    ("POST", "/api/preview"): _MAKES,
    ("GET", "/api/collections"): ANYONE,
    ("POST", "/api/collections"): _MAKES,
    ("GET", _COLLECTION): ANYONE,
    ("DELETE", _COLLECTION): _INGEST,
    ("GET", f"{_COLLECTION}/documents"): _SEARCH,
    ("POST", f"{_COLLECTION}/documents"): _INGEST,
    ("DELETE", f"{_COLLECTION}/documents"): _INGEST,
    ("GET", f"{_COLLECTION}/documents/preview"): _INGEST,
    ("POST", f"{_COLLECTION}/reindex"): _INGEST,
    ("GET", f"{_COLLECTION}/trash"): _INGEST,
    ("DELETE", f"{_COLLECTION}/trash"): _INGEST,
    ("POST", f"{_COLLECTION}/trash/restore"): _INGEST,
    ("GET", f"{_COLLECTION}/versions"): _INGEST,
    ("POST", f"{_COLLECTION}/rollback"): _INGEST,
    ("GET", f"{_COLLECTION}/duplicates"): _INGEST,
    ("GET", f"{_COLLECTION}/chunking"): _INGEST,
    ("PUT", f"{_COLLECTION}/chunking"): _INGEST,
    ("GET", f"{_COLLECTION}/instructions"): _INGEST,
    ("POST", f"{_COLLECTION}/instructions"): _INGEST,
    ("POST", f"{_COLLECTION}/instructions/{{version}}/restore"): _INGEST,
}
