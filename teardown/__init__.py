"""The nightly teardown: drain, sweep, destroy, sweep, verify that nothing is left."""
