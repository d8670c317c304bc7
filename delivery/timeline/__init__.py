"""Where the minutes of a rebuild and a night go: their steps, the critical path, and what would shorten it."""
