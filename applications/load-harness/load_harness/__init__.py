"""A service that makes load on purpose."""
