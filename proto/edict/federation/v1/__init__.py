"""Generated from federation.proto by `make proto`; do not edit."""
