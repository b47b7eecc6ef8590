"""A stand-in for what Whaley's plugin uses of CTFd 3.8, for tests: contract.json says what that is."""
