"""Answers over HTTP: scores with reasons, ranked lists, traces; and the web workbench.

Who may enter: the composition root (``pipelines``). What it imports of the project: ``crm_store``,
``features``, and of training only ``training.bundle``. No SQL and no feature maths live here.
"""
