"""One module per verb; each has a `command`. A verb reads its arguments, calls what decides, and prints."""
