"""`python -m evertoken.client.command` is the command `evertoken`."""

from evertoken.client.command import main

main()
