"""A generic TOML document store: `paths`, `store`, `lines` (JSONL), `errors`, and what serves them."""
