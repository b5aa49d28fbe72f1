"""Base and tuned models on this machine."""
