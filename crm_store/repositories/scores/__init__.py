"""Scores as they were given, kept for ever."""
