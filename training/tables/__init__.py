"""Tables that people bring: read from any file, and told apart into numbers, moments, categories and text."""
