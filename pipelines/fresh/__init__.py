"""Score on write: what happens is in the online features and in a score within a second.

``worker`` follows the feed in micro-batches, ``recompute`` makes a batch's features and scores, ``command``
runs it. Windows that slide while nothing happens are left to the scheduled batch (``leadpulse score``).
"""
