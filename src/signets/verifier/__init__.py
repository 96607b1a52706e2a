"""Verification of exported evidence, offline: a file and a public key in, a report out."""

from signets.verifier.verify import Check, Report, verify_bundle

__all__ = ["Check", "Report", "verify_bundle"]
