"""Protocols: functions that return a study."""
