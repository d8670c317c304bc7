"""The day on a real account."""
