"""What an operator runs against an account by hand."""
