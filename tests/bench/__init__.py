"""Benches: ratios against a reference measured in the same run, never absolute times."""
