"""The stage of the demo company: its clock, market, names, sentences and salespeople."""
