"""From a fresh cluster to one that Flux owns: outside the stack, so that a preview never needs a cluster."""
