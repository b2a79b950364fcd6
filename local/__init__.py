"""Runs Evertoken on one machine: environments, emulator, deployment, demonstration. For development only."""
