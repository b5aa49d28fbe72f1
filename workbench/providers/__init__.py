"""The client side of everything that trains or answers.

Import from the module that has the subject (a command that asks for the engine's status must not pay for the rest):
`profiles`, `client` (connect), `local` (the engine), `request` and `jobs`, `events` (the follower), `event_log`,
`series`, `files`, `chat`, `models`, `errors`.
"""
