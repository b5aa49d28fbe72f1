"""The client side of everything that trains or answers."""
