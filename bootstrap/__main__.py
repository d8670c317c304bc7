"""`python -m bootstrap`: the group of `fleet` by the name that the module is asked for."""

from __future__ import annotations

import sys

from fleet.app import main

if __name__ == "__main__":
    main(["bootstrap", *sys.argv[1:]])
