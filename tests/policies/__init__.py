"""The policies, tried by Kyverno itself."""
