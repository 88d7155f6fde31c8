"""What each route needs: the one table. A route that is not in it is refused."""

from dataclasses import dataclass

from app.access.principal import Level, Principal, Role, Use


@dataclass(frozen=True, slots=True)
class Rule:
    """What a caller of a route must have; what he may do with a knowledge base is asked for behind it.

    ``use``: what an API key must be for. ``open``: nobody needs to have signed in. ``person``: an API key
    will not do, whatever it is for: it could outlive itself, or lock its owner out. ``level``: what he must
    be allowed on the knowledge base that the address names. It is asked for where that is looked up; here it
    is written down for readers, and a test holds both together.
    """

    use: Use | None = None
    role: Role = "viewer"
    open: bool = False
    person: bool = False
    level: Level | None = None

    def lacks(self, principal: Principal) -> str:
        """What a principal lacks for it; "" for nothing."""
        if self.person and principal.key:
            return "somebody who has signed in, not an API key"
        if self.use is not None and self.use not in principal.uses:
            return f"an API key for {self.use}"
        return "" if principal.is_at_least(self.role) else f"the role {self.role}"


OPEN = Rule(open=True)
ANYONE = Rule()  # who has signed in, by whatever means
PERSON = Rule(person=True)
_CHAT, _SEARCH, _RERANK, _EMBED = Rule("chat"), Rule("search"), Rule("rerank"), Rule("embed")
_INGEST, _MAKES, _ADMIN = Rule("ingest"), Rule("ingest", "editor"), Rule("admin", "admin")
_GRANTS = Rule("admin", "editor")
_GRANTS_MANAGE = Rule("admin", "editor", level="manage")
_ANYONE_READ, _SEARCH_READ = Rule(level="read"), Rule("search", level="read")
_INGEST_READ, _INGEST_WRITE = Rule("ingest", level="read"), Rule("ingest", level="write")
_INGEST_MANAGE = Rule("ingest", level="manage")

_COLLECTION = "/api/collections/{collection}"
_CONVERSATION = "/api/conversations/{conversation_id}"
_MESSAGE = "/api/messages/{message_id}"
_ASSISTANT = "/api/assistants/{assistant_id}"
_SNIPPET = "/api/snippets/{snippet_id}"
_GOLDEN = "/api/golden/{set_id}"
_EVALUATION = "/api/evaluations/{evaluation_id}"

RULES: dict[tuple[str, str], Rule] = {
    ("GET", "/healthz"): OPEN,
    ("GET", "/readyz"): OPEN,
    ("GET", "/"): ANYONE,
    ("GET", "/c/{conversation_id}"): ANYONE,
    ("GET", "/static/{name}"): OPEN,
    ("GET", "/login"): OPEN,
    ("POST", "/login"): OPEN,
    ("POST", "/logout"): OPEN,  # of an expired session as well
    ("GET", "/setup"): OPEN,
    ("POST", "/setup"): OPEN,
    ("GET", "/documents"): ANYONE,
    ("GET", "/assistants"): _CHAT,
    ("GET", "/gaps"): _MAKES,
    ("GET", "/people"): Rule(role="admin", person=True),
    ("GET", "/account"): PERSON,
    ("GET", "/rerank-playground"): _RERANK,
    ("GET", "/search"): _SEARCH,
    ("GET", "/charts/waterfall.svg"): _SEARCH,
    ("GET", "/charts/curve.svg"): _INGEST,
    ("GET", "/evaluation"): _INGEST,
    ("GET", "/monitoring"): _ADMIN,
    ("GET", "/api/monitoring"): _ADMIN,
    ("GET", "/api/monitoring/history"): _ADMIN,
    ("GET", "/api/monitoring/ranking"): _ADMIN,
    ("GET", "/charts/stages.svg"): _ADMIN,
    ("GET", "/charts/rate.svg"): _ADMIN,
    ("GET", "/charts/latency.svg"): _ADMIN,
    ("GET", "/charts/golden.svg"): _ADMIN,
    ("GET", "/charts/feedback.svg"): _ADMIN,
    ("POST", "/account/password"): PERSON,
    ("POST", "/account/sessions"): PERSON,
    ("POST", "/account/keys"): PERSON,
    ("POST", "/account/keys/revoke"): PERSON,
    ("GET", "/api/session"): ANYONE,
    ("POST", "/api/session"): OPEN,
    ("DELETE", "/api/session"): PERSON,
    ("PUT", "/api/session/password"): PERSON,
    ("GET", "/api/sessions"): PERSON,
    ("DELETE", "/api/sessions"): PERSON,
    ("DELETE", "/api/sessions/{session_id}"): PERSON,
    ("GET", "/api/keys"): PERSON,
    ("POST", "/api/keys"): PERSON,
    ("DELETE", "/api/keys/{key_id}"): PERSON,
    ("GET", "/api/users"): _ADMIN,
    ("POST", "/api/users"): _ADMIN,
    ("GET", "/api/users/{user_id}"): _ADMIN,
    ("PATCH", "/api/users/{user_id}"): _ADMIN,
    ("DELETE", "/api/users/{user_id}"): _ADMIN,
    ("PUT", "/api/users/{user_id}/password"): _ADMIN,
    ("POST", "/api/users/{user_id}/unlock"): _ADMIN,
    ("GET", "/api/groups"): _ADMIN,
    ("POST", "/api/groups"): _ADMIN,
    ("GET", "/api/groups/{group_id}"): _ADMIN,
    ("DELETE", "/api/groups/{group_id}"): _ADMIN,
    ("GET", "/api/groups/{group_id}/members"): _ADMIN,
    ("PUT", "/api/groups/{group_id}/members/{user_id}"): _ADMIN,
    ("DELETE", "/api/groups/{group_id}/members/{user_id}"): _ADMIN,
    ("GET", "/api/grants"): _GRANTS,
    ("GET", f"{_COLLECTION}/grants"): _GRANTS_MANAGE,
    ("PUT", f"{_COLLECTION}/grants"): _GRANTS_MANAGE,
    ("DELETE", f"{_COLLECTION}/grants"): _GRANTS_MANAGE,
    ("GET", "/api/audit"): _ADMIN,
    ("GET", "/api/audit/verify"): _ADMIN,
    ("GET", "/openapi.json"): ANYONE,
    ("GET", "/docs"): ANYONE,
    ("GET", "/metrics"): _ADMIN,
    ("POST", "/v1/chat/completions"): _CHAT,
    ("POST", "/v1/embeddings"): _EMBED,
    ("GET", "/v1/models"): ANYONE,
    ("GET", "/v1/models/{model}"): ANYONE,
    ("GET", "/api/status"): ANYONE,
    ("GET", "/api/examples"): ANYONE,
    ("GET", "/api/presets"): ANYONE,
    ("GET", "/api/chunks/{chunk_id}"): _SEARCH,
    ("POST", "/api/ask"): _CHAT,
    ("POST", "/api/search"): _SEARCH,
    ("GET", "/api/conversations"): _CHAT,
    ("POST", "/api/conversations"): _CHAT,
    ("GET", _CONVERSATION): _CHAT,
    ("PATCH", _CONVERSATION): _CHAT,
    ("DELETE", _CONVERSATION): _CHAT,
    ("POST", f"{_CONVERSATION}/restore"): _CHAT,
    ("GET", f"{_CONVERSATION}/messages"): _CHAT,
    ("POST", f"{_CONVERSATION}/messages"): _CHAT,
    ("GET", _MESSAGE): _CHAT,
    ("GET", f"{_MESSAGE}/events"): _CHAT,
    ("POST", f"{_MESSAGE}/stop"): _CHAT,
    ("POST", f"{_MESSAGE}/regenerate"): _CHAT,
    ("POST", f"{_MESSAGE}/choose"): _CHAT,
    ("PUT", f"{_MESSAGE}/feedback"): _CHAT,
    ("DELETE", f"{_MESSAGE}/feedback"): _CHAT,
    ("GET", "/api/feedback"): _CHAT,
    ("GET", "/api/assistants"): _CHAT,
    ("POST", "/api/assistants"): _INGEST,
    ("GET", _ASSISTANT): _CHAT,
    ("PATCH", _ASSISTANT): _INGEST,
    ("DELETE", _ASSISTANT): _INGEST,
    ("GET", f"{_ASSISTANT}/snippets"): _CHAT,
    ("POST", f"{_ASSISTANT}/snippets"): _INGEST,
    ("GET", _SNIPPET): _CHAT,
    ("PATCH", _SNIPPET): _INGEST,
    ("DELETE", _SNIPPET): _INGEST,
    ("POST", f"{_SNIPPET}/approve"): _INGEST,
    ("POST", f"{_SNIPPET}/restore"): _INGEST,
    ("GET", "/api/gaps"): _MAKES,
    ("GET", "/api/gaps/{gap_id}"): _MAKES,
    ("PATCH", "/api/gaps/{gap_id}"): _MAKES,
    ("POST", "/api/gaps/{gap_id}/check"): _MAKES,
    ("GET", "/api/answers"): _CHAT,
    ("GET", "/api/answers/{answer_id}"): _CHAT,
    ("POST", "/api/checkup"): _ADMIN,
    ("POST", "/api/doctor"): _ADMIN,
    ("POST", "/api/index/rebuild"): _ADMIN,
    ("POST", "/api/backup"): _ADMIN,
    ("GET", "/api/rerank/examples"): ANYONE,
    ("POST", "/api/rerank"): _RERANK,
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
    ("GET", "/api/golden"): _INGEST,
    ("POST", "/api/golden"): _INGEST,
    ("GET", _GOLDEN): _INGEST,
    ("PATCH", _GOLDEN): _INGEST,
    ("DELETE", _GOLDEN): _INGEST,
    ("GET", f"{_GOLDEN}/cases"): _INGEST,
    ("POST", f"{_GOLDEN}/cases"): _INGEST,
    ("GET", f"{_GOLDEN}/cases/{{case_id}}"): _INGEST,
    ("PATCH", f"{_GOLDEN}/cases/{{case_id}}"): _INGEST,
    ("DELETE", f"{_GOLDEN}/cases/{{case_id}}"): _INGEST,
    ("POST", f"{_GOLDEN}/accept"): _INGEST,
    ("POST", f"{_GOLDEN}/answers"): _INGEST,
    ("POST", f"{_GOLDEN}/drafts"): _INGEST,
    ("POST", f"{_GOLDEN}/import"): _INGEST,
    ("GET", f"{_GOLDEN}/export"): _INGEST,
    ("POST", f"{_COLLECTION}/evaluations"): _INGEST_WRITE,
    ("GET", "/api/evaluations"): _INGEST,
    ("GET", _EVALUATION): _INGEST,
    ("DELETE", _EVALUATION): _INGEST,
    ("GET", f"{_EVALUATION}/questions"): _INGEST,
    ("GET", f"{_EVALUATION}/calibration"): _INGEST,
    ("GET", f"{_EVALUATION}/events"): _INGEST,
    ("GET", f"{_EVALUATION}/compare/{{other}}"): _INGEST,
    ("POST", f"{_EVALUATION}/cancel"): _INGEST,
    ("GET", "/api/collections"): ANYONE,
    ("POST", "/api/collections"): _MAKES,
    ("GET", _COLLECTION): _ANYONE_READ,
    ("DELETE", _COLLECTION): _INGEST_MANAGE,
    ("GET", f"{_COLLECTION}/documents"): _SEARCH_READ,
    ("POST", f"{_COLLECTION}/documents"): _INGEST_WRITE,
    ("DELETE", f"{_COLLECTION}/documents"): _INGEST_WRITE,
    ("GET", f"{_COLLECTION}/documents/preview"): _INGEST_WRITE,
    ("GET", f"{_COLLECTION}/documents/chunks"): _SEARCH_READ,
    ("GET", f"{_COLLECTION}/documents/content"): _SEARCH_READ,
    ("GET", f"{_COLLECTION}/documents/text"): _SEARCH_READ,
    ("POST", f"{_COLLECTION}/reindex"): _INGEST_MANAGE,
    ("POST", f"{_COLLECTION}/reindex-documents"): _INGEST_WRITE,
    ("GET", f"{_COLLECTION}/trash"): _INGEST_WRITE,
    ("DELETE", f"{_COLLECTION}/trash"): _INGEST_MANAGE,
    ("POST", f"{_COLLECTION}/trash/restore"): _INGEST_WRITE,
    ("GET", f"{_COLLECTION}/versions"): _INGEST_WRITE,
    ("POST", f"{_COLLECTION}/rollback"): _INGEST_WRITE,
    ("GET", f"{_COLLECTION}/duplicates"): _INGEST_WRITE,
    ("GET", f"{_COLLECTION}/suspicious"): _INGEST_WRITE,
    ("PUT", f"{_COLLECTION}/documents/audience"): _INGEST_WRITE,
    ("PUT", f"{_COLLECTION}/audience"): _INGEST_MANAGE,
    ("GET", f"{_COLLECTION}/chunking"): _INGEST_READ,
    ("PUT", f"{_COLLECTION}/chunking"): _INGEST_MANAGE,
    ("GET", f"{_COLLECTION}/instructions"): _INGEST_READ,
    ("POST", f"{_COLLECTION}/instructions"): _INGEST_MANAGE,
    ("POST", f"{_COLLECTION}/instructions/{{version}}/restore"): _INGEST_MANAGE,
}
