"""What happens to a lead: it arrives, is handled, shows interest, and is won or lost."""
