"""How well the merchant lock works, measured on the labelled corpus."""
