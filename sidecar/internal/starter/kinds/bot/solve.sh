#!/bin/sh
# Without egress the bot reaches nothing outside: a script in the page must bring the flag to where players can read it.
# Write what your challenge needs here; it has to print the flag.
echo "solve.sh is not written yet" >&2
exit 1
