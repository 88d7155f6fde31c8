ALTER TABLE version ADD COLUMN suspicious INTEGER;

CREATE TABLE suspicious (
    document_id TEXT NOT NULL,
    version INTEGER NOT NULL,
    start INTEGER NOT NULL,
    end INTEGER NOT NULL,
    reason TEXT NOT NULL,
    chunk_id TEXT NOT NULL,
    PRIMARY KEY (document_id, version, start, reason),
    FOREIGN KEY (document_id, version) REFERENCES version(document_id, version) ON DELETE CASCADE
) STRICT;
