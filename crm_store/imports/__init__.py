"""Import jobs: a file in, good rows into the store, bad rows into a file that says what is wrong with each.

Who may enter: services and the command line, by ``jobs``, ``preview`` and ``mappings``. A job can be stopped
anywhere and repeated: what is there already is not added again.
"""
