"""A real Kubernetes API server behind the embedded account's EKS, with Flux's real controllers as processes."""
