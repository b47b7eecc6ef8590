# shellcheck shell=bash
# Sourced by scripts/kubernetes-cluster: network namespaces, and what holds NetworkPolicies in them.

name() { printf 'whaley-k8s-%s' "$1"; }

# at edge|1|2 command…: runs it in that network; files and all else are those of the host.
at() {
	local where=/run/netns/$(name "$1")
	shift
	nsenter --net="$where" -- "$@"
}

make_network() {
	local n other
	for n in edge 1 2; do
		ip netns add "$(name $n)"
		ip -n "$(name $n)" link set lo up
	done
	ip -n "$(name edge)" link add net type bridge
	ip -n "$(name edge)" addr add 10.77.0.10/24 dev net
	for outside in 169.254.169.254/32 203.0.113.10/32; do ip -n "$(name edge)" addr add "$outside" dev lo; done
	ip -n "$(name edge)" link set net up
	for n in 1 2; do
		other=$((3 - n))
		ip -n "$(name edge)" link add "node$n" type veth peer name eth0 netns "$(name $n)"
		ip -n "$(name edge)" link set "node$n" master net up
		ip -n "$(name edge)" route add "10.244.$n.0/24" via "10.77.0.$n" 2>/dev/null || true # the bridge may not be up yet
		ip -n "$(name $n)" addr add "10.77.0.$n/24" dev eth0
		ip -n "$(name $n)" link set eth0 up
		ip -n "$(name $n)" route add "10.244.$other.0/24" via "10.77.0.$other"
		ip -n "$(name $n)" route add default via 10.77.0.10
		at $n sysctl -qw net.ipv4.ip_forward=1
	done
	for n in 1 2; do ip -n "$(name edge)" route replace "10.244.$n.0/24" via "10.77.0.$n"; done
	rules_of policies mangle POSTROUTING
	rules_of policies mangle INPUT
}

remove_network() {
	local n
	for n in edge 1 2; do ip netns del "$(name $n)" 2>/dev/null || true; done
}

start_registry() {
	mkdir -p "$state/registries/10.77.0.10:5000"
	cat >"$state/registries/10.77.0.10:5000/hosts.toml" <<-EOF
		server = "http://10.77.0.10:5000"
		[host."http://10.77.0.10:5000"]
		  capabilities = ["pull", "resolve"]
	EOF
	begin registry nsenter --net="/run/netns/$(name edge)" -- "$(binary)" registry --listen 10.77.0.10:5000
	begin metadata nsenter --net="/run/netns/$(name edge)" -- "$(binary)" registry --listen 169.254.169.254:80
	begin outside nsenter --net="/run/netns/$(name edge)" -- "$(binary)" registry --listen 203.0.113.10:80
	await "the registry" 20 registry at edge curl -fs http://10.77.0.10:5000/v2/pause/manifests/1
}

# rules_of makes a chain of our own on both nodes, with nothing in it yet.
rules_of() {
	local n
	for n in 1 2; do
		at $n iptables-legacy -w -t "$2" -N "$1-$3"
		at $n iptables-legacy -w -t "$2" -A "$3" -j "$1-$3"
	done
}

# policies all|late|outside|none: how networks hold NetworkPolicies.
policies() {
	local n rule chain
	case "$1" in all | late | outside | none) ;; *) die "policies are all, late, outside or none, not $1" ;; esac
	for n in 1 2; do
		rule="at $n iptables-legacy -w -t mangle"
		for chain in policies-INPUT policies-POSTROUTING; do
			$rule -F $chain
			[ "$1" != none ] || continue
			[ "$chain $1" != "policies-INPUT outside" ] || continue
			$rule -A $chain -m conntrack --ctstate ESTABLISHED,RELATED -j RETURN
			if [ $chain = policies-POSTROUTING ]; then # what this node itself sends to Pods is the kubelet's, from a Pod's gateway
				$rule -A $chain -d 10.244.0.0/16 -m owner --uid-owner 0 -j RETURN
			fi
			[ "$1" = late ] || $rule -A $chain -s "10.244.$n.0/24" -m set ! --match-set judged src -j DROP
			if [ $chain = policies-POSTROUTING ]; then
				$rule -A $chain -d 10.244.0.0/16 -j NFQUEUE --queue-num 100
			fi
			$rule -A $chain -s 10.244.0.0/16 -j NFQUEUE --queue-num 100
		done
	done
}
