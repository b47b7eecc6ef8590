#!/bin/sh
# Serves at once, and is healthy as soon as it holds the flag.
redis-server --save "" --protected-mode no --dir /data &
until redis-cli set greeting "hello, whale" >/dev/null 2>&1; do busybox sleep 0.05; done
redis-cli set flag "$(busybox cat /flag.txt)" >/dev/null
wait
