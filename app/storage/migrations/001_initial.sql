CREATE TABLE meta (
    name TEXT PRIMARY KEY,
    value TEXT NOT NULL
) STRICT;

CREATE TABLE collection (
    id TEXT PRIMARY KEY,
    name TEXT NOT NULL UNIQUE,
    instruction TEXT NOT NULL DEFAULT '',
    embedder TEXT,
    dim INTEGER,
    created_at TEXT NOT NULL
) STRICT;

CREATE TABLE document (
    id TEXT PRIMARY KEY,
    collection_id TEXT NOT NULL REFERENCES collection(id) ON DELETE CASCADE,
    name TEXT NOT NULL,
    current_version INTEGER NOT NULL DEFAULT 0,
    created_at TEXT NOT NULL,
    UNIQUE (collection_id, name)
) STRICT;

CREATE TABLE version (
    document_id TEXT NOT NULL REFERENCES document(id) ON DELETE CASCADE,
    version INTEGER NOT NULL,
    state TEXT NOT NULL CHECK (state IN ('staged', 'current', 'retired')),
    sha256 TEXT NOT NULL,
    size_bytes INTEGER NOT NULL,
    media_type TEXT NOT NULL,
    title TEXT NOT NULL,
    pages INTEGER NOT NULL,
    text TEXT NOT NULL,
    created_at TEXT NOT NULL,
    PRIMARY KEY (document_id, version)
) STRICT;

CREATE TABLE chunk (
    id TEXT PRIMARY KEY,
    document_id TEXT NOT NULL,
    version INTEGER NOT NULL,
    collection_id TEXT NOT NULL REFERENCES collection(id) ON DELETE CASCADE,
    ordinal INTEGER NOT NULL,
    text TEXT NOT NULL,
    start INTEGER NOT NULL,
    end INTEGER NOT NULL,
    tokens INTEGER NOT NULL,
    pages TEXT NOT NULL,
    headings TEXT NOT NULL,
    boxes TEXT NOT NULL,
    vector BLOB NOT NULL,
    FOREIGN KEY (document_id, version) REFERENCES version(document_id, version) ON DELETE CASCADE
) STRICT;

CREATE UNIQUE INDEX chunk_place ON chunk (document_id, version, ordinal);

CREATE INDEX chunk_collection ON chunk (collection_id);
