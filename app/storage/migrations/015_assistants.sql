ALTER TABLE collection ADD COLUMN audience TEXT NOT NULL DEFAULT 'internal'
    CHECK (audience IN ('customer', 'internal'));

ALTER TABLE document ADD COLUMN audience TEXT CHECK (audience IN ('customer', 'internal'));

ALTER TABLE conversation ADD COLUMN assistant TEXT NOT NULL DEFAULT '';

CREATE TABLE assistant (
    id TEXT PRIMARY KEY,
    name TEXT NOT NULL UNIQUE,
    template TEXT NOT NULL CHECK (template IN ('answer', 'sales')),
    instruction TEXT NOT NULL,
    created_at TEXT NOT NULL,
    updated_at TEXT NOT NULL
) STRICT;

CREATE TABLE assistant_collection (
    assistant_id TEXT NOT NULL REFERENCES assistant(id) ON DELETE CASCADE,
    collection_id TEXT NOT NULL REFERENCES collection(id) ON DELETE CASCADE,
    PRIMARY KEY (assistant_id, collection_id)
) STRICT, WITHOUT ROWID;

CREATE INDEX assistant_collection_of ON assistant_collection (collection_id);

CREATE TABLE snippet (
    seq INTEGER PRIMARY KEY AUTOINCREMENT,
    id TEXT NOT NULL UNIQUE,
    assistant_id TEXT NOT NULL REFERENCES assistant(id) ON DELETE CASCADE,
    questions TEXT NOT NULL,
    answer TEXT NOT NULL,
    note TEXT NOT NULL,
    owner TEXT NOT NULL,
    owner_name TEXT NOT NULL,
    expires_on TEXT NOT NULL,
    approved_by TEXT NOT NULL DEFAULT '',
    approved_by_name TEXT NOT NULL DEFAULT '',
    approved_at TEXT,
    created_at TEXT NOT NULL,
    updated_at TEXT NOT NULL,
    deleted_at TEXT
) STRICT;

CREATE INDEX snippet_of ON snippet (assistant_id, seq);

CREATE INDEX snippet_deleted ON snippet (deleted_at) WHERE deleted_at IS NOT NULL;

CREATE TABLE snippet_vector (
    snippet_id TEXT NOT NULL REFERENCES snippet(id) ON DELETE CASCADE,
    place INTEGER NOT NULL,
    embedder TEXT NOT NULL,
    vector BLOB NOT NULL,
    PRIMARY KEY (snippet_id, place)
) STRICT, WITHOUT ROWID;
