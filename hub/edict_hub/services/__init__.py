"""The gRPC services: thin. They judge the caller, call what decides, and turn every error into a coded status."""
