"""Records out of the store, as CSV and XLSX that are safe to open and can be read back.

Who may enter: services, the API and the command line. The rows come from the caller, who has already applied
who sees what.
"""
