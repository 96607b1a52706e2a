"""PostgreSQL: where everything durable lives (15 or newer; embedded when none is configured)."""
