"""What a deployed stack tells: its Outputs, by name."""

from __future__ import annotations

from local.deploy import build_session
from local.stack import LocalStack


def read_outputs(stack: LocalStack) -> dict[str, str]:
    """Return the deployed stack's Outputs."""
    client = build_session().client("cloudformation", endpoint_url=stack.endpoint)
    described = client.describe_stacks(StackName=stack.name)["Stacks"][0]
    return {output["OutputKey"]: output["OutputValue"] for output in described["Outputs"]}
