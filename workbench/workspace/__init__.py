"""A generic TOML document store: `paths`, `store`, `lines` (JSONL), `errors`; `lock`, `migrate`, `document` serve it."""
