"""Runs the demo provider: `python -m local.demo_provider --port 4600 --state-dir DIR`."""

import argparse
import os
import signal
import sys
from pathlib import Path

from waitress.server import create_server

from local.demo_provider.application import build_application

HOST = "127.0.0.1"
THREADS = 16


def main(arguments: list[str]) -> int:
    """Serve until SIGTERM or SIGINT; returns the exit status."""
    parser = argparse.ArgumentParser(prog="python -m local.demo_provider", description=__doc__)
    parser.add_argument("--port", type=int, default=4600, help="loopback port to listen on (default 4600)")
    parser.add_argument(
        "--state-dir", type=Path, required=True, help="where users, clients and grants are kept"
    )
    parser.add_argument(
        "--redirect-uri",
        action="append",
        default=os.environ.get("DEMO_PROVIDER_REDIRECT_URIS", "").split(),
        help="redirect URI for the demo clients; may be repeated; DEMO_PROVIDER_REDIRECT_URIS adds more",
    )
    options = parser.parse_args(arguments)
    issuer = f"http://{HOST}:{options.port}"
    app = build_application(issuer=issuer, state_dir=options.state_dir, redirect_uris=options.redirect_uri)
    try:
        server = create_server(app, host=HOST, port=options.port, threads=THREADS, ident="demo-provider")
    except OSError as error:
        print(f"the demo provider cannot listen on {HOST}:{options.port}: {error.strerror}", file=sys.stderr)
        return 1
    signal.signal(signal.SIGTERM, _stop)
    print(f"demo provider listening on {issuer}", flush=True)
    server.run()
    # The worker threads have ended or are about to; a transaction under way is waited for.
    app.extensions["database"].close()
    return 0


def _stop(*_: object) -> None:
    """Leave the server's loop; it lets the requests under way finish."""
    raise SystemExit(0)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
