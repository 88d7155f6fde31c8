ALTER TABLE chunk ADD COLUMN lead TEXT NOT NULL DEFAULT '';

ALTER TABLE collection ADD COLUMN chunk_tokens INTEGER;

ALTER TABLE collection ADD COLUMN chunk_overlap INTEGER;

ALTER TABLE version ADD COLUMN chunk_tokens INTEGER;

ALTER TABLE version ADD COLUMN chunk_overlap INTEGER;
