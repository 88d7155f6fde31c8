"""What can go wrong in the application. Each error has a stable code; messages name the remedy."""


class TouchstoneError(Exception):
    """The root of the application's errors. ``exit_code`` is what the command line ends with."""

    code = "error"
    exit_code = 1


class SettingsError(TouchstoneError):
    """A setting is unknown or has a value that cannot be used."""

    code = "settings"
    exit_code = 2


class DataDirectoryLocked(TouchstoneError):
    """Another process owns the data directory."""

    code = "locked"
    exit_code = 3


class DataDirectoryDamaged(TouchstoneError):
    """The database cannot be read, or was written by a newer version."""

    code = "damaged"
    exit_code = 4


class NotFound(TouchstoneError):
    """A collection, document or chunk that does not exist or is not visible to the caller."""

    code = "not_found"


class BadRequest(TouchstoneError):
    """Input that cannot be used."""

    code = "bad_request"
    exit_code = 2


class InvalidParameter(BadRequest):
    """A parameter of a request has a value that cannot be used; ``param`` names it."""

    code = "invalid_parameter"

    def __init__(self, param: str, message: str) -> None:
        super().__init__(message)
        self.param = param


class Unsupported(InvalidParameter):
    """A parameter that other servers of this API know and this one does not."""

    code = "unsupported_parameter"


class UnknownModel(NotFound):
    """No model of that name answers here, or not for this caller."""

    code = "model_not_found"


class KeyReused(BadRequest):
    """An Idempotency-Key was used before for another request."""

    code = "idempotency_key_reused"


class NotReady(TouchstoneError):
    """Models are still loading, or could not be loaded."""

    code = "not_ready"


class Stopping(TouchstoneError):
    """Touchstone is about to end; what was handed in goes on at the next start."""

    code = "stopping"

    def __init__(self, what: str) -> None:
        super().__init__(f"Touchstone is stopping; {what} goes on when Touchstone starts again")


class ServerDraining(TouchstoneError):
    """Touchstone is about to end, and takes nothing more."""

    code = "server_draining"


class TooLarge(TouchstoneError):
    """More input than one request may carry."""

    code = "too_large"


class RerankFailed(TouchstoneError):
    """No reranker could judge, or several had to and their scores do not compare."""

    code = "rerank_unavailable"


class Busy(TouchstoneError):
    """Every slot and every place in the queue is taken; ``retry_after_s`` says when to try again."""

    code = "busy"

    def __init__(self, message: str, retry_after_s: int) -> None:
        super().__init__(message)
        self.retry_after_s = retry_after_s


class TooManyUploads(Busy):
    """This owner sends as many files at once as one may."""

    code = "too_many_uploads"


class TooManyAttempts(Busy):
    """Too many sign-ins failed, of this name or from this address; the right password has to wait as well."""

    code = "too_many_attempts"


class RateLimited(Busy):
    """This caller has asked as often as one may within a minute."""

    code = "rate_limited"


class StorageBusy(Busy):
    """Another process keeps the database locked."""

    code = "database_busy"


class DiskFull(TouchstoneError):
    """No space is left on the disk, or only what is kept in reserve."""

    code = "disk_full"


class Conflict(TouchstoneError):
    """What was asked for would take the place of something that is there; the message names the choice."""

    code = "conflict"


class Outdated(Conflict):
    """What was to be changed has changed since it was read (If-Match)."""

    code = "outdated"


class StillAnswering(Conflict):
    """Another answer of this conversation is being written."""

    code = "still_answering"


class StillRunning(Conflict):
    """The request that this Idempotency-Key was first sent with has not ended yet."""

    code = "still_running"


class NotSignedIn(TouchstoneError):
    """Nobody has signed in, or what he signed in with is not valid any more."""

    code = "not_signed_in"


class SessionRevoked(NotSignedIn):
    """Who began something that still runs has been signed out meanwhile, or may do less than before."""

    code = "session_revoked"


class Forbidden(TouchstoneError):
    """Somebody who may see a thing may not do this with it."""

    code = "forbidden"
