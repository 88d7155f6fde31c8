CREATE TABLE evaluation (
    seq INTEGER PRIMARY KEY AUTOINCREMENT,
    id TEXT NOT NULL UNIQUE,
    collection_id TEXT NOT NULL REFERENCES collection(id) ON DELETE CASCADE,
    set_name TEXT NOT NULL,
    options TEXT NOT NULL,
    state TEXT NOT NULL
        CHECK (state IN ('queued', 'running', 'done', 'failed', 'cancelled', 'interrupted')),
    total INTEGER NOT NULL,
    done INTEGER NOT NULL DEFAULT 0,
    code TEXT NOT NULL DEFAULT '',
    message TEXT NOT NULL DEFAULT '',
    report TEXT NOT NULL DEFAULT '',
    created_at TEXT NOT NULL,
    started_at TEXT,
    ended_at TEXT
) STRICT;

CREATE INDEX evaluation_of ON evaluation (collection_id, seq);

CREATE TABLE evaluation_question (
    evaluation_id TEXT NOT NULL REFERENCES evaluation(id) ON DELETE CASCADE,
    place INTEGER NOT NULL,
    way TEXT NOT NULL CHECK (way IN ('on', 'off')),
    digest TEXT NOT NULL,
    detail TEXT NOT NULL,
    wiped INTEGER NOT NULL DEFAULT 0,
    PRIMARY KEY (evaluation_id, place, way)
) STRICT;

CREATE TABLE evaluation_source (
    evaluation_id TEXT NOT NULL,
    place INTEGER NOT NULL,
    document_id TEXT NOT NULL,
    version INTEGER NOT NULL,
    PRIMARY KEY (evaluation_id, place, document_id, version),
    FOREIGN KEY (evaluation_id) REFERENCES evaluation(id) ON DELETE CASCADE
) STRICT, WITHOUT ROWID;

CREATE INDEX evaluation_source_of ON evaluation_source (document_id);

CREATE TRIGGER document_purged_from_evaluations AFTER DELETE ON document BEGIN
    UPDATE evaluation_question SET wiped = 1,
        detail = json_set(detail, '$.answer', '', '$.accepted', json('[]')) WHERE (evaluation_id, place) IN
        (SELECT evaluation_id, place FROM evaluation_source WHERE document_id = OLD.id); UPDATE evaluation SET
        report = json_set(report, '$.left_out', json_array('what was left out went with a document that was deleted'
        || ' for good')) WHERE report <> '' AND json_array_length(report, '$.left_out') > 0
        AND collection_id = OLD.collection_id; END;

CREATE TRIGGER deleted_version_purged_from_evaluations AFTER DELETE ON version WHEN OLD.deleted = 1 BEGIN
    UPDATE evaluation_question SET wiped = 1,
        detail = json_set(detail, '$.answer', '', '$.accepted', json('[]')) WHERE (evaluation_id, place) IN
        (SELECT evaluation_id, place FROM evaluation_source
        WHERE document_id = OLD.document_id AND version = OLD.version); END;
