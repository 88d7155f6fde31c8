CREATE TABLE gap (
    id TEXT PRIMARY KEY,
    scope TEXT NOT NULL,
    state TEXT NOT NULL DEFAULT 'open' CHECK (state IN ('open', 'done', 'dismissed')),
    note TEXT NOT NULL DEFAULT '',
    changed_at TEXT,
    reopened_at TEXT
) STRICT;

CREATE TABLE gap_wording (
    id TEXT PRIMARY KEY,
    text TEXT NOT NULL,
    language TEXT NOT NULL
) STRICT;

CREATE TABLE gap_vector (
    wording_id TEXT NOT NULL REFERENCES gap_wording(id) ON DELETE CASCADE,
    embedder TEXT NOT NULL,
    vector BLOB NOT NULL,
    PRIMARY KEY (wording_id, embedder)
) STRICT, WITHOUT ROWID;

CREATE TABLE gap_asking (
    seq INTEGER PRIMARY KEY AUTOINCREMENT,
    gap_id TEXT NOT NULL REFERENCES gap(id) ON DELETE CASCADE,
    wording_id TEXT NOT NULL REFERENCES gap_wording(id),
    message_id TEXT UNIQUE REFERENCES message(id) ON DELETE CASCADE,
    answer_id TEXT UNIQUE REFERENCES answer(id) ON DELETE CASCADE,
    asked_at TEXT NOT NULL,
    kinds TEXT NOT NULL,
    relevance REAL,
    CHECK ((message_id IS NULL) <> (answer_id IS NULL))
) STRICT;

CREATE INDEX gap_asking_of ON gap_asking (gap_id, seq);

CREATE INDEX gap_asking_wording ON gap_asking (wording_id);

CREATE TABLE gap_check (
    gap_id TEXT NOT NULL REFERENCES gap(id) ON DELETE CASCADE,
    wording_id TEXT NOT NULL REFERENCES gap_wording(id) ON DELETE CASCADE,
    checked_at TEXT NOT NULL,
    outcome TEXT NOT NULL,
    relevance REAL,
    PRIMARY KEY (gap_id, wording_id)
) STRICT, WITHOUT ROWID;

CREATE TRIGGER gap_asking_gone AFTER DELETE ON gap_asking BEGIN
    DELETE FROM gap WHERE id = OLD.gap_id AND NOT EXISTS
        (SELECT 1 FROM gap_asking WHERE gap_id = OLD.gap_id); DELETE FROM gap_check
        WHERE gap_id = OLD.gap_id AND wording_id = OLD.wording_id AND NOT EXISTS
        (SELECT 1 FROM gap_asking WHERE gap_id = OLD.gap_id AND wording_id = OLD.wording_id); DELETE FROM
        gap_wording WHERE id = OLD.wording_id AND NOT EXISTS
        (SELECT 1 FROM gap_asking WHERE wording_id = OLD.wording_id); END;

CREATE TABLE gap_pending (
    seq INTEGER PRIMARY KEY AUTOINCREMENT,
    source TEXT NOT NULL CHECK (source IN ('message', 'answer')),
    id TEXT NOT NULL,
    UNIQUE (source, id)
) STRICT;

CREATE TRIGGER gap_message_ended AFTER UPDATE OF state, chosen, wiped ON message
    WHEN NEW.state NOT IN ('queued', 'running') BEGIN
    DELETE FROM gap_asking WHERE answer_id = NEW.answer_id; DELETE FROM gap_pending
        WHERE source = 'answer' AND id = NEW.answer_id; INSERT INTO gap_pending (source, id)
        VALUES ('message', NEW.id) ON CONFLICT DO NOTHING; END;

CREATE TRIGGER gap_feedback_given AFTER INSERT ON feedback BEGIN
    INSERT INTO gap_pending (source, id) VALUES ('message', NEW.message_id) ON CONFLICT DO NOTHING; END;

CREATE TRIGGER gap_feedback_changed AFTER UPDATE ON feedback BEGIN
    INSERT INTO gap_pending (source, id) VALUES ('message', NEW.message_id) ON CONFLICT DO NOTHING; END;

CREATE TRIGGER gap_answer_kept AFTER INSERT ON answer BEGIN
    INSERT INTO gap_pending (source, id) VALUES ('answer', NEW.id) ON CONFLICT DO NOTHING; END;

INSERT INTO gap_pending (source, id) SELECT 'message', id FROM message
    WHERE state NOT IN ('queued', 'running') ORDER BY created_at, id;
