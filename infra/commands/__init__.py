"""`python -m infra`: what people and workflows do around the stacks."""
