# shellcheck shell=bash
# Sourced by scripts/kubernetes-cluster: the control plane, on the first node's network and the host's files.

api=https://10.77.0.1:6443

# etcd_data is where etcd keeps its files: in memory where that can be, as it waits for the disk at every write.
etcd_data() { [ -w /dev/shm ] && printf /dev/shm/whaley-k8s-etcd || printf %s "$state/etcd"; }

# kubeconfig file user: makes one with a token of its own, which the API server will know.
kubeconfig() {
	local token
	token=$(openssl rand -hex 16)
	cat >"$1" <<-EOF
		apiVersion: v1
		kind: Config
		clusters: [{name: tests, cluster: {server: "$api", insecure-skip-tls-verify: true}}]
		users: [{name: user, user: {token: $token}}]
		contexts: [{name: tests, context: {cluster: tests, user: user}}]
		current-context: tests
	EOF
	printf '%s,%s,%s%s\n' "$token" "$2" "$2" "${3:+,$3}" >>"$state/tokens.csv"
}

start_control() {
	local controllers=$state/controllers.kubeconfig scheduler=$state/scheduler.kubeconfig
	kubeconfig "$config" admin system:masters
	kubeconfig "$controllers" system:kube-controller-manager
	kubeconfig "$scheduler" system:kube-scheduler
	kubeconfig "$state/kubelet-1.kubeconfig" "system:node:$(name 1)" system:nodes
	kubeconfig "$state/kubelet-2.kubeconfig" "system:node:$(name 2)" system:nodes
	openssl genrsa -out "$state/accounts.key" 2048 2>/dev/null

	begin etcd nsenter --net="/run/netns/$(name 1)" -- etcd --data-dir "$(etcd_data)" \
		--listen-client-urls http://127.0.0.1:2379 --advertise-client-urls http://127.0.0.1:2379 \
		--listen-peer-urls http://127.0.0.1:2380
	begin kube-apiserver nsenter --net="/run/netns/$(name 1)" -- "$(binary)" kube-apiserver \
		--etcd-servers=http://127.0.0.1:2379 --cert-dir="$state/apiserver" --secure-port=6443 \
		--bind-address=0.0.0.0 --advertise-address=10.77.0.1 --service-cluster-ip-range=10.96.0.0/16 \
		--service-account-key-file="$state/accounts.key" --service-account-signing-key-file="$state/accounts.key" \
		--service-account-issuer=https://kubernetes.default.svc --token-auth-file="$state/tokens.csv" \
		--authorization-mode=Node,RBAC --enable-admission-plugins=NodeRestriction --allow-privileged=true \
		--kubelet-preferred-address-types=InternalIP --max-requests-inflight=800 --max-mutating-requests-inflight=400
	# Both end at once if the API server has not made their roles yet.
	await "the API server" 60 kube-apiserver kubectl get --raw /readyz
	# A dead node is one after seconds, not after most of a minute.
	begin kube-controller-manager nsenter --net="/run/netns/$(name 1)" -- "$(binary)" kube-controller-manager \
		--kubeconfig="$controllers" --authentication-kubeconfig="$controllers" \
		--authorization-kubeconfig="$controllers" --service-account-private-key-file="$state/accounts.key" \
		--root-ca-file="$state/apiserver/apiserver.crt" \
		--use-service-account-credentials=true --leader-elect=false --cert-dir="$state/controllers" \
		--node-monitor-period=1s --node-monitor-grace-period=8s
	begin kube-scheduler nsenter --net="/run/netns/$(name 1)" -- "$(binary)" kube-scheduler \
		--kubeconfig="$scheduler" --authentication-kubeconfig="$scheduler" \
		--authorization-kubeconfig="$scheduler" --leader-elect=false --cert-dir="$state/scheduler"
}
