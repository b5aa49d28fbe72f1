"""The paths of the wire."""
