"""The permanent layer: account-level resources that survive the nightly teardown, one stack per AWS account."""
