"""The Stripe Issuing adapter: Stripe's wire <-> Signets' words, over the official SDK alone."""
