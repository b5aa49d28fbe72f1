"""Dated data: models, prices, limits, encodings; and Figure, a number with its origin."""
