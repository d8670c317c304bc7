"""The floor under all commands. It knows none of them, and of the platform only the contract."""
