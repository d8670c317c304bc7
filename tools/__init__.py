"""The tools in Go that the commands run: pinned in a go.mod each, found on PATH or built once."""
