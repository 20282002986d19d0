"""Two interpreters of the same catalog: Ibis for sets, plain Python for one entity. They must agree."""
