"""Judges: checklist, cost, break-even, verdict, report."""
