"""Names, keys, certificates and enrolment tokens. No network; files are read and written by the callers."""
