"""The whole day of a stack in one command: `fleet sandbox rehearse`."""
