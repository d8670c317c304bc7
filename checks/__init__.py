"""What Flux would refuse, found before the merge: a tool for any Flux repository that has a checks.yaml."""
