"""`python -m teardown`."""

from __future__ import annotations

from teardown.cli import main

if __name__ == "__main__":
    main()
