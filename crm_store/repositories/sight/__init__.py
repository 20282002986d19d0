"""Who sees what: the policy applied to every query and every row."""
