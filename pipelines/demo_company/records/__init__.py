"""The paper trail: turns what happened into record versions and fact tables."""
