"""`python -m infra`."""

from __future__ import annotations

from infra.commands.cli import main

if __name__ == "__main__":
    main()
