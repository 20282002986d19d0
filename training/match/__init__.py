"""P(win | lead, rep) for assignment, and what a policy would have won, told from past assignments."""
