"""Cleaning: what people type, made comparable. Pure functions over text, for anyone who takes in data."""
