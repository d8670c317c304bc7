"""`python -m fleet`."""

from __future__ import annotations

from fleet.app import main

if __name__ == "__main__":
    main()
