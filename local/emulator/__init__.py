"""The AWS emulator, started strictly: what it would let through or lose, and AWS would not, is closed by one module a concern."""
