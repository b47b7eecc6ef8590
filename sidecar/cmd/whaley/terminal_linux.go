package main

import "golang.org/x/sys/unix"

// How the kernel is asked for a terminal's state, and told it.
const getTerminal, setTerminal = unix.TCGETS, unix.TCSETS
