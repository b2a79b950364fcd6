"""The ports on AWS and on the network, named for the mechanism."""
