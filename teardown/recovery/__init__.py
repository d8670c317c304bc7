"""What a killed run was making is found in AWS and put back into the stack's state, so that a destroy takes it away."""
