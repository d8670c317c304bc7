"""`python -m permanent`."""

from __future__ import annotations

from permanent.cli import main

main()
