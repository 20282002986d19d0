"""The system of record: every lead, account and activity, with its full history.

Who may enter: any layer. What it imports of the project: nothing outside this package.
"""
