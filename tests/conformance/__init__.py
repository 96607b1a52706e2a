"""Golden vectors of the byte formats, and verifiers held to them."""
