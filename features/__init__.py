"""Features: each is declared once, computed as of any moment by two engines, and kept by Feast."""
