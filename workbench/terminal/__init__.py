"""What a terminal does to us, and the answers: escapes, signals, stderr, clipboard, bandwidth."""
