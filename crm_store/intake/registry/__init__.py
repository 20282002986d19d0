"""Company registries: capital, insured headcount, shareholders. Jobs enter here; intake never waits."""
