"""Pure types and decisions, open to all: standard library only, and `now` is always an argument."""
