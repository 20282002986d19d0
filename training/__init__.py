"""From outcomes to a champion: labels, frames, scorers, calibration, evaluation, gates and the registry.

Data scientists and pipelines enter here. Serving enters by ``training.bundle`` only.
"""
