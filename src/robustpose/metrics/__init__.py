"""Metrics: numpy arrays and tables in, numbers out, no torch."""
