"""Role changes of key contacts, found in what people write: text in, proposals out, nothing stored.

Who may enter: services, and anyone who has a text and the people it may be about. It imports nothing of
the store. Enter by ``finder.find_role_changes``; the words are data (``crm_store/data/role_changes.json``).
"""
