CREATE TABLE idempotency (
    owner TEXT NOT NULL,
    key TEXT NOT NULL,
    began_at TEXT NOT NULL,
    fingerprint TEXT,
    status INTEGER,
    headers TEXT,
    body BLOB,
    PRIMARY KEY (owner, key)
) STRICT;

CREATE INDEX idempotency_age ON idempotency (began_at);
