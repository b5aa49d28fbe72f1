"""One module a screen; each takes its services as arguments."""
