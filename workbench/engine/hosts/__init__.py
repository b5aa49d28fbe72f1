"""What answers: child processes that serve one model each."""
