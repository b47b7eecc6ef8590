# shellcheck shell=bash
# Sourced by scripts/kubernetes-cluster: nodes, each with mounts, groups of processes, containerd and kubelet of its own.

# as_node N command…: runs it as that node sees the world.
as_node() {
	local n=$1
	shift
	nsenter --mount --net --target "$(cat "$state/node-$n/holder")" -- "$@"
}

start_node() {
	local n=$1 node=$state/node-$1
	rm -rf "$node" # of a life before
	mkdir -p "$node"/{log,kubelet,cni,groups,networks,run}
	make_groups "$n"
	make_mounts "$n"
	write_network "$n"
	write_containerd "$n"
	write_kubelet "$n"
	begin "containerd-$n" nsenter --mount --net --target "$(cat "$node/holder")" -- containerd --config "$node/containerd.toml"
	await "containerd of node $n" 30 "containerd-$n" ctr --address "$node/run/containerd.sock" version
	begin "kubelet-$n" nsenter --mount --net --target "$(cat "$node/holder")" -- "$(binary)" kubelet \
		--config="$node/kubelet.yaml" --kubeconfig="$state/kubelet-$n.kubeconfig" --hostname-override="$(name "$n")" \
		--node-ip="10.77.0.$n" --root-dir=/var/lib/kubelet --cert-dir="$node/certificates"
	begin "policies-$n" nsenter --net="/run/netns/$(name "$n")" -- "$(binary)" network-policies \
		--kubeconfig "$config" --node "$(name "$n")"
	begin "services-$n" nsenter --net="/run/netns/$(name "$n")" -- "$(binary)" kube-proxy --kubeconfig="$config" \
		--hostname-override="$(name "$n")" --proxy-mode=iptables --cluster-cidr=10.244.0.0/16 --nodeport-addresses=primary \
		--conntrack-max-per-core=0 --conntrack-tcp-timeout-established=0 --conntrack-tcp-timeout-close-wait=0
	await "what holds policies on node $n" 30 "policies-$n" grep -q 'Caches are synced' "$logs/policies-$n"
}

# make_groups makes the node's group of processes. Version 1 has a tree for each kind, and knows no CPUs until told.
make_groups() {
	local tree f group
	group=$(name "$1")
	if [ -e /sys/fs/cgroup/cgroup.controllers ]; then
		for f in $(cat /sys/fs/cgroup/cgroup.controllers); do echo "+$f" >/sys/fs/cgroup/cgroup.subtree_control || true; done
		mkdir -p "/sys/fs/cgroup/$group"
		return
	fi
	for tree in /sys/fs/cgroup/*/; do mkdir -p "$tree$group" 2>/dev/null || true; done
	for f in cpuset.cpus cpuset.mems; do cat "/sys/fs/cgroup/cpuset/$f" >"/sys/fs/cgroup/cpuset/$group/$f"; done
}

# make_mounts makes a process that holds the node's view of the file system: logs, kubelet and the network of /sys are its own.
make_mounts() {
	local node=$state/node-$1
	mkdir -p /var/lib/kubelet /var/lib/cni
	# shellcheck disable=SC2016 # expanded in there
	begin "holder-$1" nsenter --net="/run/netns/$(name "$1")" -- unshare --mount --propagation private sh -ec '
		mount --rbind /sys/fs/cgroup "$1/groups"
		mount -t sysfs sysfs /sys
		mount --rbind "$1/groups" /sys/fs/cgroup
		mount --bind "$1/log" /var/log
		mount --bind "$1/kubelet" /var/lib/kubelet
		mount --bind "$1/cni" /var/lib/cni
		mount --make-rshared /
		echo $$ >"$1/holder.new"
		mv "$1/holder.new" "$1/holder"
		exec sleep infinity' sh "$node"
	await "the mounts of node $1" 10 "holder-$1" test -s "$node/holder"
}

write_network() {
	cat >"$state/node-$1/networks/10-pods.conflist" <<-EOF
		{"cniVersion": "0.4.0", "name": "pods", "plugins": [
		  {"type": "ptp", "ipMasq": false, "ipam": {"type": "host-local", "dataDir": "$state/node-$1/addresses",
		   "ranges": [[{"subnet": "10.244.$1.0/24"}]], "routes": [{"dst": "0.0.0.0/0"}]}},
		  {"type": "portmap", "capabilities": {"portMappings": true}}
		]}
	EOF
}

write_containerd() { # this machine may forbid to lower oom_score_adj
	local node=$state/node-$1
	cat >"$node/containerd.toml" <<-EOF
		version = 2
		root = "$node/containerd"
		state = "$node/run/containerd"
		oom_score = 0
		[grpc]
		  address = "$node/run/containerd.sock"
		[plugins."io.containerd.grpc.v1.cri"]
		  sandbox_image = "10.77.0.10:5000/pause:1"
		  restrict_oom_score_adj = true
		  netns_mounts_under_state_dir = true
		[plugins."io.containerd.grpc.v1.cri".containerd.runtimes.runc]
		  runtime_type = "io.containerd.runc.v2"
		[plugins."io.containerd.grpc.v1.cri".registry]
		  config_path = "$state/registries"
		[plugins."io.containerd.grpc.v1.cri".cni]
		  bin_dir = "/usr/lib/cni"
		  conf_dir = "$node/networks"
	EOF
}

write_kubelet() {
	: >"$state/resolv.conf"
	cat >"$state/node-$1/kubelet.yaml" <<-EOF
		apiVersion: kubelet.config.k8s.io/v1beta1
		kind: KubeletConfiguration
		failCgroupV1: false
		cgroupDriver: cgroupfs
		cgroupRoot: /$(name "$1")
		failSwapOn: false
		oomScoreAdj: 0
		containerRuntimeEndpoint: unix://$state/node-$1/run/containerd.sock
		authentication: {anonymous: {enabled: true}, webhook: {enabled: false}}
		authorization: {mode: AlwaysAllow}
		clusterDNS: [10.77.0.10]
		clusterDomain: cluster.local
		resolvConf: $state/resolv.conf
		podPidsLimit: 512
		serializeImagePulls: false
		nodeStatusUpdateFrequency: 2s
		nodeLeaseDurationSeconds: 4
		evictionHard: {memory.available: 100Mi, nodefs.available: 1%, imagefs.available: 1%, nodefs.inodesFree: 1%}
	EOF
}

# processes_of_node: those in its network, and those of its Pods, which have networks of their own.
processes_of_node() {
	ip netns pids "$(name "$1")" 2>/dev/null || true
	find /sys/fs/cgroup -path "*/$(name "$1")*" -name cgroup.procs -exec cat {} + 2>/dev/null || true
}

# end_node kills a node as a power cut does. What is of the control plane goes on.
end_node() {
	local p found
	for _ in $(seq 50); do
		found=
		for p in $(processes_of_node "$1" | sort -u); do
			grep -qzE 'kube-(apiserver|controller-manager|scheduler)|^etcd$' "/proc/$p/cmdline" 2>/dev/null || found="$found $p"
		done
		[ -n "$found" ] || return 0
		# shellcheck disable=SC2086 # one word each
		kill -9 $found 2>/dev/null || true
		sleep 0.1
	done
	die "these processes of node $1 do not end:$found"
}
