"""Connectors: what outside systems know, pulled again and again, each time only what is new.

Who may enter: the job runner and the command line, by ``pull.pull_orders``. A pull that stops anywhere goes
on where its last committed page ended; nothing is taken twice.
"""
