CREATE TABLE chunk_tokens (
    chunk_id TEXT PRIMARY KEY REFERENCES chunk(id) ON DELETE CASCADE,
    tokenizer TEXT NOT NULL,
    digest BLOB NOT NULL,
    ids BLOB NOT NULL
) STRICT;

CREATE INDEX chunk_tokens_text ON chunk_tokens (tokenizer, digest);
