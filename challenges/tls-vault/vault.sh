#!/bin/sh
number=$(($(od -An -N2 -tu2 /dev/urandom) % 1000))
echo "A number from 0 to 999, please."
while read -r guess; do
	case "$guess" in
	"$number")
		cat /flag.txt
		while read -r -t 1 guess; do :; done # closed with something unread, the connection would take the flag back
		exit
		;;
	*[!0-9]* | "") echo "That is no number." ;;
	*) if [ "$guess" -lt "$number" ]; then echo higher; else echo lower; fi ;;
	esac
done
