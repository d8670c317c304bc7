"""What an account may have in its names, tags and descriptions, and how to see whether a sink obeyed it."""

from __future__ import annotations

import re

HOSTILE = (
    "x\n✓ nothing of staging is left",
    "x\n## ✓ nothing of staging is left",
    "::error::nothing to see",
    "\n::stop-commands::token",
    "a\r\n::add-mask::e",
    "  ::set-output name=kept::true",
    "##[error]an old command",
    "inside ##[add-mask]a line",
    "\x1b[2J\x1b[31mred\x1b[0m\x1b]0;title\x07",
    "\u202egnigats\u202c \u2066x\u2069\u200b\ufeff",
    "x" * 256,
    "a | b || c",
    "```\n`code`\n```",
    "<img src=x onerror=alert(1)><!-- </details>",
    "[text](javascript:x) ![](https://example.com/x.png) **bold** _it_",
    "@everyone #1 owner/name#2 https://example.com www.example.com",
    "%0A::error::x%0D",
    "x\u2028::error::y\u2029z\x85w\x0b\x0c",
    "\udcff lone",
)


def obeyed(printed: str) -> list[str]:
    """The lines that GitHub's runner would take for commands, or a terminal for more than text."""
    lines = re.split(r"[\n\r]", printed)
    commands = [line for line in lines if line.strip().startswith("::") or "##[" in line]
    return commands + [
        line for line in lines if re.search(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069]", line)
    ]
