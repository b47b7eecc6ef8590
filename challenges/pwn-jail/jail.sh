#!/bin/sh
echo "Calculator. One expression per line, as 6*7."
while read -r line; do
	case "$line" in
	*flag* | *" "* | *\`*) echo "I only calculate." ;;
	*) eval "echo \$(($line))" 2>&1 ;;
	esac
done
