"""What was done to data, as steps that can be replayed."""
