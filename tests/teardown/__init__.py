"""Tests of the teardown."""
