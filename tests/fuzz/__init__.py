"""Hostile bytes for everything that reads what others wrote: typed refusals only, bounded memory and time."""
