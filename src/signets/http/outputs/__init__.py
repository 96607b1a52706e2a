"""What answers say, field for field."""
