"""Duplicates: by which keys two records meet, how alike they are, and why. Pure: no store, no clock.

``profile`` reads a record once, ``keys`` says where it is found again, ``scoring`` compares two profiles.
Repositories and services of duplicates enter here.
"""
