"""Every night ends with nothing left: drain, sweep, destroy, sweep, verify."""
