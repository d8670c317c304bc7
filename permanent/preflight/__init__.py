"""`fleet account check`: asks an account, before a rebuild costs time, what a rebuild will meet there."""
