CREATE TABLE instruction_version (
    collection_id TEXT NOT NULL REFERENCES collection(id) ON DELETE CASCADE,
    version INTEGER NOT NULL,
    instruction TEXT NOT NULL,
    note TEXT NOT NULL,
    created_at TEXT NOT NULL,
    PRIMARY KEY (collection_id, version)
) STRICT;

INSERT INTO instruction_version (collection_id, version, instruction, note, created_at)
SELECT id, 1, instruction, 'before versions were kept', strftime('%Y-%m-%dT%H:%M:%S+00:00', 'now')
FROM collection WHERE instruction <> '';
