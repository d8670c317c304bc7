"""The Kubernetes API: objects as mappings, and a kubeconfig to reach it."""
