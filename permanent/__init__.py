"""The permanent layer: what outlives the night, one stack an AWS account."""
