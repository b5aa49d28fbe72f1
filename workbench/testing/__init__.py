"""Public: what others use to snapshot-test our screens."""
