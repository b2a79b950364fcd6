"""Serves django-oauth-toolkit, an authorization server that other people wrote; runs in its own environment.

Nothing here speaks OAuth: this file holds settings, one user and a socket. Run by `third_party_server.py` as
`python third_party_site.py --directory DIR --access-token-seconds N`; its first line on standard output is
JSON with the issuer, and it ends on SIGTERM.
"""

# mypy: disable-error-code="import-not-found"
# Django lives in .venv-provider, which the type checker does not see.

import argparse
import json
import signal
import socket
import sys
from pathlib import Path
from typing import Any

import django
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from django.conf import settings
from django.core.management import call_command
from django.core.wsgi import get_wsgi_application
from django.urls import include, path
from waitress.server import create_server

urlpatterns: list[Any] = []


def main(arguments: list[str]) -> int:
    """Serve until SIGTERM; returns the exit status."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--directory", type=Path, required=True)
    parser.add_argument("--access-token-seconds", type=int, required=True)
    parser.add_argument("--username", required=True)
    parser.add_argument("--password", required=True)
    options = parser.parse_args(arguments)
    # Bound before Django is configured: the issuer names the port, and no one else can take it meanwhile.
    listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    listener.bind(("127.0.0.1", 0))
    listener.listen(128)
    issuer = f"http://127.0.0.1:{listener.getsockname()[1]}"
    configure(issuer, options.directory, options.access_token_seconds)
    application = get_wsgi_application()
    create_user(options.username, options.password)
    server = create_server(application, sockets=[listener], threads=8)
    signal.signal(signal.SIGTERM, stop)
    print(json.dumps({"issuer": issuer}), flush=True)  # noqa: T201 - the launcher reads it
    server.run()
    return 0


def stop(*_: object) -> None:
    """End the server's loop from a signal handler."""
    raise SystemExit(0)


def configure(issuer: str, directory: Path, access_token_seconds: int) -> None:
    """Settings for one site: PKCE for every client, `iss` in the answer, rotation with reuse protection."""
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    settings.configure(
        SECRET_KEY="not a secret: a throw-away site on the loopback interface",
        ALLOWED_HOSTS=["127.0.0.1"],
        ROOT_URLCONF=__name__,
        USE_TZ=True,
        DEFAULT_AUTO_FIELD="django.db.models.BigAutoField",
        LOGIN_URL="/login/",
        STATIC_URL="/static/",
        # Loopback throw-away: a slow password hash would only slow the tests.
        PASSWORD_HASHERS=["django.contrib.auth.hashers.MD5PasswordHasher"],
        DATABASES={
            "default": {
                "ENGINE": "django.db.backends.sqlite3",
                "NAME": directory / "site.sqlite3",
                # Writers take the lock at once and wait for it; else two requests can deadlock into "locked".
                "OPTIONS": {"timeout": 20, "transaction_mode": "IMMEDIATE"},
            }
        },
        INSTALLED_APPS=[
            "django.contrib.admin",
            "django.contrib.auth",
            "django.contrib.contenttypes",
            "django.contrib.messages",
            "django.contrib.sessions",
            "django.contrib.staticfiles",
            "oauth2_provider",
        ],
        MIDDLEWARE=[
            "django.contrib.sessions.middleware.SessionMiddleware",
            "django.middleware.csrf.CsrfViewMiddleware",
            "django.contrib.auth.middleware.AuthenticationMiddleware",
            "django.contrib.messages.middleware.MessageMiddleware",
        ],
        TEMPLATES=[
            {
                "BACKEND": "django.template.backends.django.DjangoTemplates",
                "APP_DIRS": True,
                "OPTIONS": {
                    "context_processors": [
                        "django.template.context_processors.request",
                        "django.contrib.auth.context_processors.auth",
                        "django.contrib.messages.context_processors.messages",
                    ]
                },
            }
        ],
        OAUTH2_PROVIDER={
            "PKCE_REQUIRED": True,
            "ROTATE_REFRESH_TOKEN": True,
            "REFRESH_TOKEN_REUSE_PROTECTION": True,
            "REFRESH_TOKEN_GRACE_PERIOD_SECONDS": 0,
            "ACCESS_TOKEN_EXPIRE_SECONDS": access_token_seconds,
            "SCOPES": {"openid": "Sign in", "profile": "Your name"},
            "DEFAULT_SCOPES": ["openid", "profile"],
            "OIDC_ENABLED": True,
            "OIDC_ISS_ENDPOINT": issuer,
            "OIDC_RSA_PRIVATE_KEY": key.private_bytes(
                serialization.Encoding.PEM,
                serialization.PrivateFormat.PKCS8,
                serialization.NoEncryption(),
            ).decode(),
            "DCR_ENABLED": True,
            "DCR_REGISTRATION_PERMISSION_CLASSES": ("oauth2_provider.dcr.AllowAllDCRPermission",),
            "COMPLIANT_BCP_RFC9700_IMPLICIT_GRANT": True,
            "COMPLIANT_BCP_RFC9700_PASSWORD_GRANT": True,
            "COMPLIANT_BCP_RFC9700_PKCE_METHOD": True,
            "COMPLIANT_BCP_RFC9700_ACCESS_TOKEN_TRANSPORT": True,
            "COMPLIANT_BCP_RFC9700_AUTHZ_RESPONSE_ISS": True,
            "COMPLIANT_BCP_RFC9700_TOKEN_STORAGE": True,
        },
    )
    django.setup()
    call_command("migrate", verbosity=0, interactive=False)
    from oauth2_provider.models import Application

    # Registration over HTTP cannot name a signature algorithm, and without one `openid` is answered by a 500.
    Application._meta.get_field("algorithm").default = Application.RS256_ALGORITHM
    from django.contrib import admin
    from django.contrib.auth.views import LoginView

    urlpatterns.extend(
        [
            # The login page is the admin's template, which links to the admin's pages.
            path("admin/", admin.site.urls),
            path("login/", LoginView.as_view(template_name="admin/login.html")),
            path("", include("oauth2_provider.urls", namespace="oauth2_provider")),
        ]
    )


def create_user(username: str, password: str) -> None:
    """The site's only resource owner."""
    from django.contrib.auth import get_user_model

    get_user_model().objects.create_user(username=username, password=password)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
