"""What can go wrong in retrieval. Messages name the thing, the value and the remedy."""


class RetrievalError(Exception):
    """The root of this package's errors."""


class IndexMismatch(RetrievalError):
    """The index was built by another embedder or with another dimension than the one at hand."""


class IndexDamaged(RetrievalError):
    """The vector index cannot be read; it has to be rebuilt from SQLite."""


class IndexFull(RetrievalError):
    """The disk of the vector index is full; once there is room, what was refused can be tried again."""


class IndexUnreachable(RetrievalError):
    """The server that holds the vector index does not answer."""


class ModelUnavailable(RetrievalError):
    """An embedding model is missing, unreadable or not reachable."""
