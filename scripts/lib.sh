# shellcheck shell=bash
# Shared by the scripts beside it; sourced, not run.
CACHE="${WHALEY_CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}/whaley}"
mkdir -p "$CACHE/bin" "$CACHE/log"

say() { printf '   %s\n' "$*" >&2; }
die() {
	printf 'whaley: %s\n' "$*" >&2
	exit 1
}

engine_answers() { curl -fs --max-time 5 --unix-socket "${DOCKER_SOCKET:-/var/run/docker.sock}" http://engine/_ping >/dev/null 2>&1; }

# during "what" command…: runs it quietly, tells every 15 seconds that it goes on, and shows its output if it fails.
during() {
	local what=$1 log began=$SECONDS pid ticks=0
	shift
	log=$(mktemp "$CACHE/log/XXXXXX")
	say "$what …"
	"$@" >"$log" 2>&1 &
	pid=$!
	while kill -0 "$pid" 2>/dev/null; do
		sleep 0.2
		ticks=$((ticks + 1))
		[ $((ticks % 75)) -ne 0 ] || say "$what … $((SECONDS - began)) s"
	done
	if ! wait "$pid"; then
		tail -n 40 "$log" >&2
		die "$what failed after $((SECONDS - began)) s; the whole output is in $log"
	fi
	rm -f "$log"
	say "$what: done in $((SECONDS - began)) s"
}

# thrice command…: tries it up to three times, some seconds apart, for what downloads: one broken connection ends nothing.
thrice() {
	"$@" || { sleep 5 && "$@"; } || { sleep 20 && "$@"; }
}

# unpack module version folder: the source of a Go module, to be built as its authors do.
unpack() {
	local module
	module=$(cd "$3" && GOWORK=off GOFLAGS=-mod=mod thrice go mod download -json "$1@$2" | sed -n 's/^\t"Dir": "\(.*\)",$/\1/p')
	cp -r "$module" "$3/src"
	chmod -R u+w "$3/src"
}

# behind_proxies: what tells Traefik's static configuration, for sed, who is in front of Traefik: TRUSTED_PROXIES.
behind_proxies() {
	local all=${TRUSTED_PROXIES:-}
	all=${all//[[:space:]]/}
	case "$all" in
	"") echo '/^ *#proxies#/d' && return ;;
	*[!0-9A-Fa-f.:/,]*) die "TRUSTED_PROXIES=$TRUSTED_PROXIES must be addresses and networks, as 10.0.0.5,192.168.0.0/16" ;;
	esac
	all=$(printf %s "$all" | sed -e 's/,\{1,\}/,/g' -e 's/^,//' -e 's/,$//' -e 's/,/", "/g')
	printf 's|^\( *\)#proxies# |\\1|; s|\[TRUSTED_PROXIES\]|["%s"]|\n' "$all"
}

# as_sent: what tells it, for sed before that, whether it passes on what clients send as forwarding headers: FORWARDED_AS_SENT.
as_sent() {
	case "${FORWARDED_AS_SENT:-}" in
	1 | [tT] | [tT][rR][uU][eE]) echo '/#proxies# forwardedHeaders/d; s|^\( *\)#forwarded# |\1|' ;;
	"" | 0 | [fF] | [fF][aA][lL][sS][eE]) echo '/^ *#forwarded#/d' ;;
	*) die "FORWARDED_AS_SENT=$FORWARDED_AS_SENT must be true or false" ;;
	esac
}
