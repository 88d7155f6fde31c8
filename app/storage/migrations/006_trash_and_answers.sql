ALTER TABLE document ADD COLUMN deleted_version INTEGER NOT NULL DEFAULT 0;

ALTER TABLE document ADD COLUMN deleted_at TEXT;

ALTER TABLE version ADD COLUMN retired_at TEXT;

ALTER TABLE version ADD COLUMN kept_until TEXT;

ALTER TABLE version ADD COLUMN deleted INTEGER NOT NULL DEFAULT 0;

ALTER TABLE version ADD COLUMN in_vectors INTEGER NOT NULL DEFAULT 1;

ALTER TABLE version ADD COLUMN in_words INTEGER NOT NULL DEFAULT 1;

CREATE INDEX version_kept ON version (kept_until) WHERE kept_until IS NOT NULL;

CREATE INDEX version_leftover ON version (document_id, version)
    WHERE state <> 'current' AND (kept_until IS NULL OR in_vectors OR in_words);

CREATE TABLE answer (
    seq INTEGER PRIMARY KEY AUTOINCREMENT,
    id TEXT NOT NULL UNIQUE,
    asked_at TEXT NOT NULL,
    question TEXT NOT NULL,
    collections TEXT NOT NULL,
    outcome TEXT NOT NULL,
    language TEXT NOT NULL,
    text TEXT NOT NULL,
    profile TEXT NOT NULL,
    result TEXT NOT NULL,
    wiped INTEGER NOT NULL DEFAULT 0
) STRICT;

CREATE INDEX answer_age ON answer (asked_at);

CREATE TABLE answer_citation (
    answer_id TEXT NOT NULL REFERENCES answer(id) ON DELETE CASCADE,
    place INTEGER NOT NULL,
    number INTEGER NOT NULL,
    chunk_id TEXT NOT NULL,
    document_id TEXT NOT NULL,
    document TEXT NOT NULL,
    version INTEGER NOT NULL,
    start INTEGER NOT NULL,
    end INTEGER NOT NULL,
    quote TEXT NOT NULL,
    quote_digest TEXT NOT NULL,
    PRIMARY KEY (answer_id, place)
) STRICT;

CREATE TABLE answer_document (
    answer_id TEXT NOT NULL REFERENCES answer(id) ON DELETE CASCADE,
    document_id TEXT NOT NULL,
    version INTEGER NOT NULL,
    read INTEGER NOT NULL,
    PRIMARY KEY (answer_id, document_id, version)
) STRICT;

CREATE INDEX answer_document_of ON answer_document (document_id);

CREATE TRIGGER document_purged AFTER DELETE ON document BEGIN
    UPDATE answer SET text = '', result = '', wiped = 1 WHERE id IN
        (SELECT answer_id FROM answer_document WHERE document_id = OLD.id AND read = 1); UPDATE answer SET
        result = json_set(result, '$.candidates', (SELECT json_group_array(json(value)) FROM
        json_each(answer.result, '$.candidates') WHERE json_extract(value, '$.chunk_id') NOT LIKE OLD.id || ':%'))
        WHERE wiped = 0 AND id IN (SELECT answer_id FROM answer_document WHERE document_id = OLD.id); UPDATE
        answer_citation SET quote = '', document = '' WHERE answer_id IN
        (SELECT answer_id FROM answer_document WHERE document_id = OLD.id AND read = 1); END;

CREATE TRIGGER deleted_version_purged AFTER DELETE ON version WHEN OLD.deleted = 1 BEGIN
    UPDATE answer SET text = '', result = '', wiped = 1 WHERE id IN (SELECT answer_id FROM answer_document
        WHERE document_id = OLD.document_id AND version = OLD.version AND read = 1); UPDATE answer_citation
        SET quote = '', document = '' WHERE answer_id IN (SELECT answer_id FROM answer_document
        WHERE document_id = OLD.document_id AND version = OLD.version AND read = 1); END;

CREATE TABLE duplicate_report (
    collection_id TEXT PRIMARY KEY REFERENCES collection(id) ON DELETE CASCADE,
    made_at TEXT NOT NULL,
    report TEXT NOT NULL
) STRICT;

CREATE TRIGGER document_shown_otherwise AFTER UPDATE OF current_version, name ON document BEGIN
    DELETE FROM duplicate_report WHERE collection_id = NEW.collection_id; END;
