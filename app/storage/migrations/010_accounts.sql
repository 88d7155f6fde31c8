CREATE TABLE user (
    id TEXT PRIMARY KEY,
    name TEXT NOT NULL,
    name_key TEXT NOT NULL UNIQUE,
    role TEXT NOT NULL CHECK (role IN ('viewer', 'editor', 'admin')),
    active INTEGER NOT NULL DEFAULT 1 CHECK (active IN (0, 1)),
    password_hash TEXT NOT NULL,
    created_at TEXT NOT NULL,
    password_at TEXT NOT NULL,
    signed_in_at TEXT
) STRICT;

CREATE TABLE group_ (
    id TEXT PRIMARY KEY,
    name TEXT NOT NULL,
    name_key TEXT NOT NULL UNIQUE,
    created_at TEXT NOT NULL
) STRICT;

CREATE TABLE membership (
    user_id TEXT NOT NULL REFERENCES user(id) ON DELETE CASCADE,
    group_id TEXT NOT NULL REFERENCES group_(id) ON DELETE CASCADE,
    PRIMARY KEY (user_id, group_id)
) STRICT, WITHOUT ROWID;

CREATE INDEX membership_group ON membership (group_id);

CREATE TABLE grant_ (
    collection_id TEXT NOT NULL REFERENCES collection(id) ON DELETE CASCADE,
    user_id TEXT REFERENCES user(id) ON DELETE CASCADE,
    group_id TEXT REFERENCES group_(id) ON DELETE CASCADE,
    level TEXT NOT NULL CHECK (level IN ('read', 'write', 'manage')),
    granted_at TEXT NOT NULL,
    CHECK ((user_id IS NULL) <> (group_id IS NULL))
) STRICT;

CREATE UNIQUE INDEX grant_user ON grant_ (user_id, collection_id) WHERE user_id IS NOT NULL;

CREATE UNIQUE INDEX grant_group ON grant_ (group_id, collection_id) WHERE group_id IS NOT NULL;

CREATE INDEX grant_collection ON grant_ (collection_id);

CREATE TABLE session (
    id TEXT PRIMARY KEY,
    token_sha256 BLOB NOT NULL UNIQUE CHECK (length(token_sha256) = 32),
    user_id TEXT NOT NULL REFERENCES user(id) ON DELETE CASCADE,
    created_at TEXT NOT NULL,
    seen_at TEXT NOT NULL,
    address TEXT NOT NULL,
    agent TEXT NOT NULL
) STRICT;

CREATE INDEX session_user ON session (user_id);

CREATE INDEX session_seen ON session (seen_at);

CREATE TABLE api_key (
    id TEXT PRIMARY KEY,
    secret_sha256 BLOB NOT NULL CHECK (length(secret_sha256) = 32),
    user_id TEXT NOT NULL REFERENCES user(id) ON DELETE CASCADE,
    name TEXT NOT NULL,
    uses TEXT NOT NULL,
    restricted INTEGER NOT NULL CHECK (restricted IN (0, 1)),
    created_at TEXT NOT NULL,
    expires_at TEXT,
    used_at TEXT
) STRICT;

CREATE INDEX api_key_user ON api_key (user_id);

CREATE TABLE api_key_collection (
    key_id TEXT NOT NULL REFERENCES api_key(id) ON DELETE CASCADE,
    collection_id TEXT NOT NULL REFERENCES collection(id) ON DELETE CASCADE,
    PRIMARY KEY (key_id, collection_id)
) STRICT, WITHOUT ROWID;

CREATE INDEX api_key_collection_of ON api_key_collection (collection_id);

CREATE TABLE login_attempt (
    subject BLOB PRIMARY KEY,
    failures REAL NOT NULL CHECK (failures > 0),
    failed_at TEXT NOT NULL
) STRICT, WITHOUT ROWID;

CREATE INDEX login_attempt_age ON login_attempt (failed_at);

CREATE TABLE audit (
    seq INTEGER PRIMARY KEY AUTOINCREMENT,
    at TEXT NOT NULL,
    actor TEXT NOT NULL,
    actor_name TEXT NOT NULL,
    via TEXT NOT NULL,
    address TEXT NOT NULL,
    action TEXT NOT NULL,
    target TEXT NOT NULL,
    result TEXT NOT NULL CHECK (result IN ('ok', 'refused', 'failed')),
    details TEXT NOT NULL,
    digest BLOB NOT NULL CHECK (length(digest) = 32)
) STRICT;

CREATE INDEX audit_actor ON audit (actor, seq);

CREATE INDEX audit_action ON audit (action, seq);

CREATE TRIGGER audit_unchanged BEFORE UPDATE ON audit BEGIN
    SELECT RAISE(ABORT, 'the audit log is append-only'); END;

CREATE TRIGGER audit_kept BEFORE DELETE ON audit BEGIN
    SELECT RAISE(ABORT, 'the audit log is append-only'); END;

CREATE TRIGGER audit_appended BEFORE INSERT ON audit
    WHEN NEW.seq <= (SELECT coalesce(max(seq), 0) FROM audit) BEGIN
    SELECT RAISE(ABORT, 'the audit log is append-only'); END;
