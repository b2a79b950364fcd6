"""Evertoken keeps every OAuth token that a company holds valid, inside the company's own AWS account."""
