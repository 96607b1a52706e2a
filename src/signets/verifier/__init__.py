"""Verification of exported evidence, offline: a file and a public key in, a report out."""

from signets.verifier.log import LogReport, verify_log
from signets.verifier.verify import Check, Report, verify_bundle

__all__ = ["Check", "LogReport", "Report", "verify_bundle", "verify_log"]
