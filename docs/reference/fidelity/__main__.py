"""Writes the page: ``python -m docs.reference.fidelity``."""

from docs.reference.fidelity.page import PAGE, page

if __name__ == "__main__":
    PAGE.write_text(page())
