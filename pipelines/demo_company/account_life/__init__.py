"""What happens to a customer: orders, tickets, conversations, and whether the contract is renewed."""
