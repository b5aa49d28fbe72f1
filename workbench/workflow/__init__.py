"""Steps that join rooms; each is one function for screen and command."""
