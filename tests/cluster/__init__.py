"""The bootstrap on a real API server, with real Flux controllers (make test-cluster)."""
