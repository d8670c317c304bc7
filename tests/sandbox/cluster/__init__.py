"""The sandbox's cluster, as far as no cluster is needed."""
