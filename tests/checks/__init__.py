"""The checks, tried on trees."""
