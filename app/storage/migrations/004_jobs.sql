ALTER TABLE document ADD COLUMN claimed INTEGER NOT NULL DEFAULT 0;

UPDATE document SET claimed = coalesce(
    (SELECT max(v.version) FROM version v WHERE v.document_id = document.id), 0
);

ALTER TABLE version ADD COLUMN embedder TEXT NOT NULL DEFAULT '';

ALTER TABLE version ADD COLUMN notices TEXT NOT NULL DEFAULT '[]';

ALTER TABLE version ADD COLUMN chunks INTEGER NOT NULL DEFAULT 0;

UPDATE version SET chunks = (
    SELECT count(*) FROM chunk k WHERE k.document_id = version.document_id AND k.version = version.version
);

UPDATE version SET embedder = coalesce(
    (SELECT c.embedder FROM document d JOIN collection c ON c.id = d.collection_id
     WHERE d.id = version.document_id), ''
);

ALTER TABLE chunk ADD COLUMN digest BLOB;

CREATE INDEX chunk_digest ON chunk (collection_id, digest);

CREATE INDEX version_bytes ON version (sha256);

CREATE TABLE job (
    seq INTEGER PRIMARY KEY AUTOINCREMENT,
    id TEXT NOT NULL UNIQUE,
    turn INTEGER NOT NULL,
    kind TEXT NOT NULL CHECK (kind IN ('ingest', 'reindex')),
    batch TEXT NOT NULL DEFAULT '',
    owner TEXT NOT NULL DEFAULT '',
    parent TEXT NOT NULL DEFAULT '',
    collection_id TEXT NOT NULL REFERENCES collection(id) ON DELETE CASCADE,
    name TEXT NOT NULL,
    sha256 TEXT NOT NULL,
    size_bytes INTEGER NOT NULL,
    duplicates TEXT NOT NULL CHECK (duplicates IN ('skip', 'replace', 'keep')),
    document_id TEXT NOT NULL DEFAULT '',
    version INTEGER NOT NULL DEFAULT 0,
    state TEXT NOT NULL CHECK (state IN (
        'stored', 'parsing', 'chunking', 'embedding', 'indexing', 'publishing',
        'ready', 'failed', 'cancelling', 'cancelled'
    )),
    step TEXT NOT NULL,
    held INTEGER NOT NULL DEFAULT 1,
    outcome TEXT NOT NULL DEFAULT '',
    attempt INTEGER NOT NULL DEFAULT 0,
    code TEXT NOT NULL DEFAULT '',
    message TEXT NOT NULL DEFAULT '',
    notices TEXT NOT NULL DEFAULT '[]',
    seconds TEXT NOT NULL DEFAULT '{}',
    pages INTEGER NOT NULL DEFAULT 0,
    chunks INTEGER NOT NULL DEFAULT 0,
    tokens INTEGER NOT NULL DEFAULT 0,
    reused INTEGER NOT NULL DEFAULT 0,
    lease TEXT,
    lease_until REAL NOT NULL DEFAULT 0,
    due REAL NOT NULL DEFAULT 0,
    retry_at TEXT,
    created_at TEXT NOT NULL,
    started_at TEXT,
    updated_at TEXT NOT NULL,
    ended_at TEXT,
    queue TEXT GENERATED ALWAYS AS (CASE
        WHEN kind = 'reindex' AND state IN ('stored', 'publishing') THEN 'index'
        WHEN kind = 'reindex' THEN NULL
        WHEN state IN ('stored', 'parsing', 'chunking') THEN 'parse'
        WHEN state IN ('embedding', 'indexing', 'publishing') THEN 'index'
    END) VIRTUAL
) STRICT;

CREATE INDEX job_turn ON job (turn);

CREATE INDEX job_waiting ON job (queue, owner, turn) WHERE lease IS NULL AND queue IS NOT NULL;

CREATE INDEX job_leased ON job (owner) WHERE lease IS NOT NULL;

CREATE INDEX job_named ON job (collection_id, name, turn);

CREATE INDEX job_bytes ON job (sha256) WHERE held = 1;

CREATE INDEX job_version ON job (document_id, version) WHERE held = 1;

CREATE INDEX job_batch ON job (batch, seq);

CREATE INDEX job_family ON job (parent, seq) WHERE parent <> '';

CREATE INDEX job_open ON job (state) WHERE state NOT IN ('ready', 'failed', 'cancelled');

CREATE TABLE job_attempt (
    job_id TEXT NOT NULL REFERENCES job(id) ON DELETE CASCADE,
    number INTEGER NOT NULL,
    step TEXT NOT NULL,
    worker TEXT NOT NULL,
    started_at TEXT NOT NULL,
    ended_at TEXT,
    outcome TEXT NOT NULL DEFAULT '',
    message TEXT NOT NULL DEFAULT '',
    PRIMARY KEY (job_id, number)
) STRICT;

CREATE TABLE job_event (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    job_id TEXT NOT NULL REFERENCES job(id) ON DELETE CASCADE,
    at TEXT NOT NULL,
    state TEXT NOT NULL,
    code TEXT NOT NULL DEFAULT '',
    message TEXT NOT NULL DEFAULT ''
) STRICT;

CREATE INDEX job_event_job ON job_event (job_id, id);

CREATE TABLE vector_partition (
    name TEXT PRIMARY KEY,
    collection_id TEXT NOT NULL,
    state TEXT NOT NULL CHECK (state IN ('building', 'current', 'retired')),
    job_id TEXT NOT NULL
) STRICT;

CREATE UNIQUE INDEX vector_partition_current ON vector_partition (collection_id) WHERE state = 'current';

CREATE TABLE parse_result (
    sha256 TEXT NOT NULL,
    parser TEXT NOT NULL,
    data BLOB NOT NULL,
    seconds REAL NOT NULL,
    PRIMARY KEY (sha256, parser)
) STRICT;
