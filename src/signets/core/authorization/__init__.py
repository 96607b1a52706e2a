"""The real-time decision: request + facts + time → decision, with every check's result."""
