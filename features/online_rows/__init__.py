"""Published values, one packed row per entity and view, on SQLite or Redis. Knows nothing of Feast.

``layout`` says what a row holds, ``sqlite_rows`` and ``redis_rows`` keep rows, ``matrix`` reads many at once.
Whoever publishes or serves features enters here; ``features.feast_repo`` puts Feast's interface on top.
"""
