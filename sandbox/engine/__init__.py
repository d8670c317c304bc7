"""The real Pulumi engine: found or built, given a language host, an environment and a project of the sandbox's own."""
