"""The demo authorization server: real OAuth 2.0 on one machine, so that the demo needs no account anywhere.

The protocol is Authlib's; this package adds storage, pages and a ledger. It listens on the loopback interface
only and its users, clients and passwords are public: `seeds.py` lists them. Start it with `python -m
local.demo_provider --port 4600 --state-dir DIR`.
"""
