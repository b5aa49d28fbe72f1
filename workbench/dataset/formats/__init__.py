"""The shapes a training record can have."""
