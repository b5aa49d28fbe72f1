"""Measures: tasks, candidates, scorers, statistics."""
