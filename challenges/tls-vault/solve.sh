#!/bin/sh
# solve.sh <host> <port> <name>: all numbers at once.
seq 0 999 | timeout 20 ncat --ssl --ssl-servername "$3" "$1" "$2"
