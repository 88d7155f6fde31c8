ALTER TABLE answer ADD COLUMN owner TEXT NOT NULL DEFAULT 'local';

CREATE INDEX answer_owner ON answer (owner, seq);

CREATE TABLE conversation (
    id TEXT PRIMARY KEY,
    owner TEXT NOT NULL,
    title TEXT NOT NULL,
    collections TEXT NOT NULL,
    created_at TEXT NOT NULL,
    updated_at TEXT NOT NULL,
    deleted_at TEXT
) STRICT;

CREATE INDEX conversation_shown ON conversation (owner, updated_at, id) WHERE deleted_at IS NULL;

CREATE INDEX conversation_age ON conversation (updated_at);

CREATE INDEX conversation_deleted ON conversation (deleted_at) WHERE deleted_at IS NOT NULL;

CREATE TABLE message (
    id TEXT PRIMARY KEY,
    conversation_id TEXT NOT NULL REFERENCES conversation(id) ON DELETE CASCADE,
    place INTEGER NOT NULL,
    variant INTEGER NOT NULL,
    chosen INTEGER NOT NULL,
    question TEXT NOT NULL,
    settings TEXT NOT NULL,
    state TEXT NOT NULL CHECK (state IN ('queued', 'running', 'complete', 'stopped', 'failed', 'interrupted')),
    text TEXT NOT NULL DEFAULT '',
    result TEXT NOT NULL DEFAULT '',
    code TEXT NOT NULL DEFAULT '',
    answer_id TEXT NOT NULL DEFAULT '',
    wiped INTEGER NOT NULL DEFAULT 0,
    created_at TEXT NOT NULL,
    ended_at TEXT,
    UNIQUE (conversation_id, place, variant)
) STRICT;

CREATE UNIQUE INDEX message_chosen ON message (conversation_id, place) WHERE chosen = 1;

CREATE UNIQUE INDEX message_open ON message (conversation_id) WHERE state IN ('queued', 'running');

CREATE TABLE message_event (
    message_id TEXT NOT NULL REFERENCES message(id) ON DELETE CASCADE,
    seq INTEGER NOT NULL,
    name TEXT NOT NULL,
    data TEXT NOT NULL,
    PRIMARY KEY (message_id, seq)
) STRICT;

CREATE TABLE message_source (
    message_id TEXT NOT NULL REFERENCES message(id) ON DELETE CASCADE,
    document_id TEXT NOT NULL,
    version INTEGER NOT NULL,
    collection_id TEXT NOT NULL,
    read INTEGER NOT NULL,
    PRIMARY KEY (message_id, collection_id, document_id, version)
) STRICT, WITHOUT ROWID;

CREATE INDEX message_source_of ON message_source (document_id);

CREATE TABLE feedback (
    seq INTEGER PRIMARY KEY AUTOINCREMENT,
    message_id TEXT NOT NULL UNIQUE REFERENCES message(id) ON DELETE CASCADE,
    owner TEXT NOT NULL,
    verdict TEXT NOT NULL CHECK (verdict IN ('up', 'down')),
    reasons TEXT NOT NULL,
    text TEXT NOT NULL,
    withdrawn INTEGER NOT NULL DEFAULT 0,
    created_at TEXT NOT NULL,
    updated_at TEXT NOT NULL
) STRICT;

CREATE INDEX feedback_of ON feedback (owner, seq);

CREATE TRIGGER document_purged_from_messages AFTER DELETE ON document BEGIN
    DELETE FROM message_event WHERE name <> 'done' AND message_id IN
        (SELECT message_id FROM message_source WHERE document_id = OLD.id AND read = 1); UPDATE message SET
        text = '', result = '', wiped = 1 WHERE id IN
        (SELECT message_id FROM message_source WHERE document_id = OLD.id AND read = 1); UPDATE message SET
        result = json_set(result, '$.candidates', (SELECT json_group_array(json(value)) FROM
        json_each(message.result, '$.candidates') WHERE json_extract(value, '$.chunk_id') NOT LIKE OLD.id || ':%'))
        WHERE result <> '' AND id IN (SELECT message_id FROM message_source WHERE document_id = OLD.id); END;

CREATE TRIGGER deleted_version_purged_from_messages AFTER DELETE ON version WHEN OLD.deleted = 1 BEGIN
    DELETE FROM message_event WHERE name <> 'done' AND message_id IN (SELECT message_id FROM message_source
        WHERE document_id = OLD.document_id AND version = OLD.version AND read = 1); UPDATE message SET text = '',
        result = '', wiped = 1 WHERE id IN (SELECT message_id FROM message_source
        WHERE document_id = OLD.document_id AND version = OLD.version AND read = 1); END;

CREATE TRIGGER person_deleted AFTER DELETE ON user BEGIN
    DELETE FROM conversation WHERE owner = OLD.id; DELETE FROM answer WHERE owner = OLD.id; END;
