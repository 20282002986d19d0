"""Rule documents and the engine that runs them.

What lives here: the shipped JSON Decision Model documents (``documents/``), the checks a document
passes before it may run (``validation``, ``expressions``), the engine (``engine``) and the way from a
trace to reasons (``reasons``). Thresholds live in the documents, never in this code.

Who may enter: services of this package, and any layer above it. It imports ``crm_store.domain`` only.
"""
