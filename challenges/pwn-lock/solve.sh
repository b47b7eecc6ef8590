#!/bin/sh
# solve.sh <host> <port>: the 33rd byte and the following ones land behind the guess.
printf '%032dplease' 0 | timeout 10 ncat "$1" "$2"
