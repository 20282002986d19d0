"""What other products call their columns, as data: one file per product, and ``names.json`` for everybody."""
