"""A route of an HTTP API with AWS_IAM lets through whom AWS would: signed, with rights, and by the caller's own key. An emulator of its own, without a stack."""

from __future__ import annotations

import io
import json
import os
import urllib.error
import urllib.request
import zipfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import pytest
from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials

from local import deploy
from local.emulator import process
from local.repairs import RepairError, find_authorization
from local.stack import ACCESS_KEY_ID, REGION, SECRET_ACCESS_KEY, LocalStack
from tests.support.stack import find_free_port

ANYONE = {
    "Version": "2012-10-17",
    "Statement": [{"Effect": "Allow", "Principal": {"AWS": "*", "Service": "lambda.amazonaws.com"}, "Action": "sts:AssumeRole"}],
}  # fmt: skip
CODE = """
def handler(event, context):
    return {"arn": event["requestContext"].get("authorizer", {}).get("iam", {}).get("userArn")}
"""
BODY = b'{"scope": "tokens:read"}'


@dataclass(frozen=True, slots=True, kw_only=True)
class SignedApi:
    """An API whose one route, POST /signed, demands a signature; its function answers with whom the gateway names."""

    stack: LocalStack
    api_id: str

    @property
    def url(self) -> str:
        return f"{self.stack.endpoint}/_aws/execute-api/{self.api_id}/$default/signed"

    def client(self, service: str) -> Any:
        return deploy.build_session().client(service, endpoint_url=self.stack.endpoint)

    def make_role(self, name: str, *resources: str) -> Credentials:
        """Return a session of a new role that may invoke these parts of the API."""
        iam = self.client("iam")
        arn = iam.create_role(RoleName=name, AssumeRolePolicyDocument=json.dumps(ANYONE))["Role"]["Arn"]
        if resources:
            where = [f"arn:aws:execute-api:{REGION}:000000000000:{self.api_id}/{part}" for part in resources]
            document = {
                "Version": "2012-10-17",
                "Statement": [{"Effect": "Allow", "Action": "execute-api:Invoke", "Resource": where}],
            }
            iam.put_role_policy(RoleName=name, PolicyName="invoke", PolicyDocument=json.dumps(document))
        given = self.client("sts").assume_role(RoleArn=arn, RoleSessionName="job-7")["Credentials"]
        return Credentials(given["AccessKeyId"], given["SecretAccessKey"], given["SessionToken"])

    def sign(
        self, credentials: Credentials, *, service: str = "execute-api", region: str = REGION
    ) -> dict[str, str]:
        """Return the headers of a signed request."""
        request = AWSRequest(
            method="POST", url=self.url, data=BODY, headers={"Content-Type": "application/json"}
        )
        SigV4Auth(credentials, service, region).add_auth(request)
        return dict(request.headers.items())

    def post(self, headers: Mapping[str, str], body: bytes = BODY) -> tuple[int, Any]:
        request = urllib.request.Request(self.url, data=body, headers=dict(headers), method="POST")
        try:
            with urllib.request.urlopen(request, timeout=10) as answer:
                return answer.status, json.loads(answer.read())
        except urllib.error.HTTPError as error:
            return error.code, json.loads(error.read())


REFUSED = (403, {"message": "Forbidden"})


@pytest.fixture(scope="module")
def api(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SignedApi]:
    stack = LocalStack(port=find_free_port(), directory=tmp_path_factory.mktemp("emulator"))
    process.start(stack, owner=os.getpid())
    session = deploy.build_session()
    role = session.client("iam", endpoint_url=stack.endpoint).create_role(
        RoleName="function", AssumeRolePolicyDocument=json.dumps(ANYONE)
    )["Role"]["Arn"]
    archive = io.BytesIO()
    with zipfile.ZipFile(archive, "w") as file:
        file.writestr("handler.py", CODE)
    function = session.client("lambda", endpoint_url=stack.endpoint).create_function(
        FunctionName="signed", Runtime="python3.12", Role=role, Handler="handler.handler", Code={"ZipFile": archive.getvalue()}
    )["FunctionArn"]  # fmt: skip
    gateway = session.client("apigatewayv2", endpoint_url=stack.endpoint)
    api_id = gateway.create_api(Name="signed", ProtocolType="HTTP")["ApiId"]
    integration = gateway.create_integration(
        ApiId=api_id, IntegrationType="AWS_PROXY", IntegrationUri=function, PayloadFormatVersion="2.0"
    )["IntegrationId"]
    gateway.create_route(
        ApiId=api_id,
        RouteKey="POST /signed",
        Target=f"integrations/{integration}",
        AuthorizationType="AWS_IAM",
    )
    gateway.create_stage(ApiId=api_id, StageName="$default", AutoDeploy=True)
    yield SignedApi(stack=stack, api_id=api_id)
    process.stop(stack)


@pytest.fixture(scope="module")
def allowed(api: SignedApi) -> Credentials:
    return api.make_role("allowed", "$default/POST/signed")


def test_a_signed_request_of_a_role_with_the_right_passes_and_the_function_learns_whose_it_is(
    api: SignedApi, allowed: Credentials
) -> None:
    arn = "arn:aws:sts::000000000000:assumed-role/allowed/job-7"

    assert api.post(api.sign(allowed)) == (200, {"arn": arn})


def test_without_a_signature_nobody_passes(api: SignedApi) -> None:
    for authorization in (None, "", "Bearer x", "Basic eDp4", "AWS4-HMAC-SHA256 x", "AWS4-HMAC-SHA256"):
        headers = {} if authorization is None else {"Authorization": authorization}
        assert api.post(headers) == REFUSED, authorization


def test_a_signature_by_another_key_for_another_body_or_of_another_session_is_refused(
    api: SignedApi, allowed: Credentials
) -> None:
    forged = Credentials(allowed.access_key, "not the secret", allowed.token)
    mixed = Credentials(allowed.access_key, allowed.secret_key, "another token")
    headers = api.sign(allowed)

    assert api.post(api.sign(forged)) == REFUSED
    assert api.post(api.sign(mixed)) == REFUSED
    assert api.post(api.sign(Credentials(allowed.access_key, allowed.secret_key))) == REFUSED
    assert api.post(headers, body=b'{"scope": "operator"}') == REFUSED
    assert api.post({**headers, "X-Amz-Date": "20200101T000000Z"}) == REFUSED
    assert api.post({**headers, "Authorization": headers["Authorization"][:-1] + "_"}) == REFUSED


def test_a_signature_for_another_service_or_region_is_refused(api: SignedApi, allowed: Credentials) -> None:
    assert api.post(api.sign(allowed, service="s3")) == REFUSED
    assert api.post(api.sign(allowed, service="sts")) == REFUSED
    assert api.post(api.sign(allowed, region="eu-west-1")) == REFUSED


def test_a_role_without_the_right_for_this_very_route_is_refused(api: SignedApi) -> None:
    for name, resources in {
        "none": [],
        "other-route": ["$default/POST/other"],
        "other-method": ["$default/GET/signed"],
    }.items():
        assert api.post(api.sign(api.make_role(name, *resources))) == REFUSED, name


def test_the_accounts_own_keys_which_the_emulator_does_not_verify_are_refused(api: SignedApi) -> None:
    assert api.post(api.sign(Credentials(ACCESS_KEY_ID, SECRET_ACCESS_KEY))) == REFUSED


def test_the_authorization_of_a_route_is_what_its_openapi_body_says() -> None:
    body = {
        "components": {
            "securitySchemes": {
                "AWS_IAM": {"x-amazon-apigateway-authtype": "awsSigv4"},
                "Other": {"type": "oauth2"},
            }
        }
    }

    assert find_authorization(body, {}) == "NONE"
    assert find_authorization(body, {"security": [{"AWS_IAM": []}]}) == "AWS_IAM"
    with pytest.raises(RepairError, match="Other"):
        find_authorization(body, {"security": [{"Other": []}]})
