"""A stand-in for pulumi-aws: a Pulumi resource provider named `aws` that works on an embedded account only."""
