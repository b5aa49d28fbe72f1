"""The local OpenAI-compatible server, a process of its own."""
