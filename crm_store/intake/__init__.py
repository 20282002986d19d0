"""Intake: how a form, a webhook or a file becomes a lead, and what is read out of the text on the way."""
