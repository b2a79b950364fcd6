"""One file a verb: each decides, and acts only through the ports."""
