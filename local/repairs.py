"""Supplies, after a deployment, what the emulator's CloudFormation leaves out of the template.

Routes of an HTTP API's OpenAPI body, a stable address, time to live, point-in-time recovery and reserved concurrency. On AWS none
of this is needed; here the values come from the deployed template itself, so the template stays the one source.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from typing import Any

import boto3

from local.stack import HOST, LocalStack

BASE_PATH = "app"
_FUNCTION_ARN = re.compile(r"functions/(arn:[^/]+)/invocations")
_PLACEHOLDER = re.compile(r"\$\{([^!}][^}]*)\}")


class RepairError(Exception):
    """The deployed template holds something that the repairs do not understand."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Deployed:
    """The processed template together with the physical ids of what was made from it."""

    resources: dict[str, Any]
    physical_ids: dict[str, str]
    parameters: dict[str, str]
    region: str
    account: str

    def resolve(self, value: Any) -> Any:
        """Return the value with Ref, GetAtt of a function's Arn, and Sub filled in.

        Raises:
            RepairError: it names anything else.
        """
        if isinstance(value, list):
            return [self.resolve(part) for part in value]
        if not isinstance(value, dict):
            return value
        if "Ref" in value:
            return self._reference(value["Ref"])
        if "Fn::Sub" in value and isinstance(value["Fn::Sub"], str):
            return _PLACEHOLDER.sub(lambda match: self._reference(match[1]), value["Fn::Sub"])
        if "Fn::GetAtt" in value:
            named = value["Fn::GetAtt"]
            return self._reference(named if isinstance(named, str) else ".".join(named))
        return {name: self.resolve(part) for name, part in value.items()}

    def _reference(self, name: str) -> str:
        pseudo = {"AWS::Region": self.region, "AWS::AccountId": self.account, "AWS::Partition": "aws"}
        if name in pseudo or name in self.parameters:
            return pseudo.get(name) or self.parameters[name]
        logical_id, _, attribute = name.partition(".")
        physical_id = self.physical_ids.get(logical_id)
        if physical_id is None:
            raise RepairError(f"{name} is neither a parameter nor a deployed resource")
        if not attribute:
            return physical_id
        if attribute == "Arn" and self.resources[logical_id]["Type"] == "AWS::Lambda::Function":
            return f"arn:aws:lambda:{self.region}:{self.account}:function:{physical_id}"
        raise RepairError(f"{name}: only a function's Arn is understood here")

    def of_type(self, kind: str) -> list[tuple[str, dict[str, Any]]]:
        """Return physical id and properties of every deployed resource of a type."""
        return [
            (self.physical_ids[name], resource.get("Properties", {}))
            for name, resource in self.resources.items()
            if resource["Type"] == kind and name in self.physical_ids
        ]


def read_deployed(session: boto3.Session, stack: LocalStack) -> Deployed:
    """Read the stack back from CloudFormation."""
    client = session.client("cloudformation", endpoint_url=stack.endpoint)
    template: Any = client.get_template(StackName=stack.name, TemplateStage="Processed")["TemplateBody"]
    described = client.describe_stacks(StackName=stack.name)["Stacks"][0]
    made = client.describe_stack_resources(StackName=stack.name)["StackResources"]
    region, account = described["StackId"].split(":")[3:5]
    return Deployed(
        resources=(json.loads(template) if isinstance(template, str) else template)["Resources"],
        physical_ids={item["LogicalResourceId"]: item["PhysicalResourceId"] for item in made},
        parameters={item["ParameterKey"]: item["ParameterValue"] for item in described.get("Parameters", [])},
        region=region,
        account=account,
    )


def repair(session: boto3.Session, stack: LocalStack) -> None:
    """Bring the deployed stack to what its template says; safe to repeat."""
    deployed = read_deployed(session, stack)
    gateway = session.client("apigatewayv2", endpoint_url=stack.endpoint)
    for api_id, properties in deployed.of_type("AWS::ApiGatewayV2::Api"):
        if "Body" in properties:
            make_routes(gateway, deployed, api_id, properties["Body"])
            map_base_path(gateway, api_id)
    for table, properties in deployed.of_type("AWS::DynamoDB::Table"):
        keep_table(session.client("dynamodb", endpoint_url=stack.endpoint), table, properties)
    reserved = int(deployed.parameters.get("ReservedConcurrency", "0"))
    for function, properties in deployed.of_type("AWS::Lambda::Function"):
        if reserved and "ReservedConcurrentExecutions" in properties:
            client = session.client("lambda", endpoint_url=stack.endpoint)
            client.put_function_concurrency(FunctionName=function, ReservedConcurrentExecutions=reserved)


def make_routes(gateway: Any, deployed: Deployed, api_id: str, body: dict[str, Any]) -> None:
    """Make the routes and integrations of an OpenAPI body in place of those that are there."""
    for route in _pages(gateway.get_routes, ApiId=api_id):
        gateway.delete_route(ApiId=api_id, RouteId=route["RouteId"])
    for integration in _pages(gateway.get_integrations, ApiId=api_id):
        gateway.delete_integration(ApiId=api_id, IntegrationId=integration["IntegrationId"])
    integrations: dict[str, str] = {}
    for path, operations in body["paths"].items():
        for method, operation in operations.items():
            declared = operation.get("x-amazon-apigateway-integration")
            if declared is None:
                continue
            match = _FUNCTION_ARN.search(deployed.resolve(declared["uri"]))
            if match is None:
                raise RepairError(f"{method} {path} has an integration that is no function")
            arn = match[1]
            if arn not in integrations:
                made = gateway.create_integration(
                    ApiId=api_id,
                    IntegrationType="AWS_PROXY",
                    IntegrationUri=arn,
                    PayloadFormatVersion=str(declared.get("payloadFormatVersion", "2.0")),
                )
                integrations[arn] = made["IntegrationId"]
            gateway.create_route(
                ApiId=api_id,
                RouteKey=f"{method.upper()} {path}",
                Target=f"integrations/{integrations[arn]}",
                AuthorizationType=find_authorization(body, operation),
            )
    origins = [
        origin.strip() for origin in deployed.parameters.get("CorsOrigins", "").split(",") if origin.strip()
    ]
    if origins:
        declared = body["x-amazon-apigateway-cors"]
        settings = {name[0].upper() + name[1:]: value for name, value in declared.items()}
        gateway.update_api(ApiId=api_id, CorsConfiguration=settings | {"AllowOrigins": origins})


def find_authorization(body: dict[str, Any], operation: dict[str, Any]) -> str:
    """Return the authorization of one operation of an OpenAPI body.

    Raises:
        RepairError: it is neither none nor AWS_IAM.
    """
    names = {name for requirement in operation.get("security", []) for name in requirement}
    schemes = body.get("components", {}).get("securitySchemes", {})
    kinds = {schemes.get(name, {}).get("x-amazon-apigateway-authtype") for name in names}
    if kinds <= {"awsSigv4"}:
        return "AWS_IAM" if kinds else "NONE"
    raise RepairError(f"{', '.join(sorted(names))}: only AWS_IAM is understood here")


def map_base_path(gateway: Any, api_id: str) -> None:
    """Give the API an address without its id: a custom domain that is called like the loopback address."""
    if HOST not in {domain["DomainName"] for domain in _pages(gateway.get_domain_names)}:
        certificate = "arn:aws:acm:us-east-1:000000000000:certificate/local"
        settings = [{"EndpointType": "REGIONAL", "CertificateArn": certificate, "SecurityPolicy": "TLS_1_2"}]
        gateway.create_domain_name(DomainName=HOST, DomainNameConfigurations=settings)
    for mapping in _pages(gateway.get_api_mappings, DomainName=HOST):
        if mapping.get("ApiMappingKey") == BASE_PATH:
            gateway.delete_api_mapping(DomainName=HOST, ApiMappingId=mapping["ApiMappingId"])
    gateway.create_api_mapping(DomainName=HOST, ApiId=api_id, Stage="$default", ApiMappingKey=BASE_PATH)


def keep_table(client: Any, table: str, properties: dict[str, Any]) -> None:
    """Switch on the time to live and the point-in-time recovery that the template asks for."""
    ttl = properties.get("TimeToLiveSpecification")
    if (
        ttl
        and client.describe_time_to_live(TableName=table)["TimeToLiveDescription"]["TimeToLiveStatus"]
        == "DISABLED"
    ):
        client.update_time_to_live(TableName=table, TimeToLiveSpecification=ttl)
    recovery = properties.get("PointInTimeRecoverySpecification")
    if recovery:
        client.update_continuous_backups(TableName=table, PointInTimeRecoverySpecification=recovery)


def _pages(operation: Any, **arguments: Any) -> list[dict[str, Any]]:
    items: list[dict[str, Any]] = []
    while True:
        page = operation(**arguments)
        items += page["Items"]
        if not page.get("NextToken"):
            return items
        arguments["NextToken"] = page["NextToken"]
