"""A generic TOML document store."""
