"""Rows of a file on disk, untouched until the person saves."""
