"""The embedded AWS account: moto's server with our overlay, in a process of its own."""
