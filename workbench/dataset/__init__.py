"""Training data: rows, formats, rules, tokens, templates."""
