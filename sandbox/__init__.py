"""The rehearsal: the real Pulumi engine on an embedded AWS account, on one machine, with no credentials.

It serves the packages around it and their proofs; none of them imports it.
"""
