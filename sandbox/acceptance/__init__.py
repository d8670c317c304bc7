"""The day on a real account, and what differs there: `fleet acceptance`.

It compares with an embedded account, so it is here: nothing imports the sandbox. The real account is reached from this
process' environment alone, the embedded one from an environment of its own
(docs/decisions/0025-acceptance-is-a-command-of-the-sandbox.md).
"""
