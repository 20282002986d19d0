"""Every query of the record store.

Who may enter: services, imports, and the layers that read the store. Repositories never commit: the caller
owns the transaction. Bulk loads are the exception, being whole transactions themselves.
"""
