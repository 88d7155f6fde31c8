CREATE TABLE golden_set (
    id TEXT PRIMARY KEY,
    collection_id TEXT NOT NULL REFERENCES collection(id) ON DELETE CASCADE,
    name TEXT NOT NULL UNIQUE,
    created_at TEXT NOT NULL
) STRICT;

CREATE TABLE golden_case (
    seq INTEGER PRIMARY KEY AUTOINCREMENT,
    id TEXT NOT NULL,
    set_id TEXT NOT NULL REFERENCES golden_set(id) ON DELETE CASCADE,
    question TEXT NOT NULL,
    kind TEXT NOT NULL,
    answerable INTEGER NOT NULL,
    answers TEXT NOT NULL,
    state TEXT NOT NULL CHECK (state IN ('draft', 'accepted')),
    source TEXT NOT NULL CHECK (source IN ('csv', 'answer', 'drafted', 'typed')),
    note TEXT NOT NULL,
    created_at TEXT NOT NULL,
    UNIQUE (set_id, id)
) STRICT;

CREATE TABLE golden_evidence (
    seq INTEGER NOT NULL REFERENCES golden_case(seq) ON DELETE CASCADE,
    place INTEGER NOT NULL,
    document TEXT NOT NULL,
    quote TEXT NOT NULL,
    pages TEXT NOT NULL,
    PRIMARY KEY (seq, place)
) STRICT;

CREATE TRIGGER golden_document_purged AFTER DELETE ON document BEGIN
    UPDATE golden_case SET answers = '[]', state = 'draft', note = 'its document was deleted for good' WHERE seq IN
        (SELECT e.seq FROM golden_evidence e JOIN golden_case c ON c.seq = e.seq JOIN golden_set s ON s.id = c.set_id
        WHERE e.document = OLD.name AND s.collection_id = OLD.collection_id); UPDATE golden_evidence SET quote = ''
        WHERE document = OLD.name AND seq IN (SELECT c.seq FROM golden_case c JOIN golden_set s ON s.id = c.set_id
        WHERE s.collection_id = OLD.collection_id); END;

CREATE TABLE calibrated_floor (
    collection_id TEXT NOT NULL REFERENCES collection(id) ON DELETE CASCADE,
    reranker TEXT NOT NULL,
    floor REAL NOT NULL CHECK (floor BETWEEN 0 AND 1),
    questions INTEGER NOT NULL,
    balanced_accuracy REAL NOT NULL,
    golden_set TEXT NOT NULL,
    curve TEXT NOT NULL,
    made_at TEXT NOT NULL,
    PRIMARY KEY (collection_id, reranker)
) STRICT;
