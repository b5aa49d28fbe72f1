"""The linter: rules with codes."""
