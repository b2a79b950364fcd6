"""Fixtures of the deployed stack."""

from tests.support.stack import aws, built_functions, stack

__all__ = ["aws", "built_functions", "stack"]
