// Package clustertest tries what runs on Kubernetes on a real cluster, that of scripts/kubernetes-cluster, in whose
// network it has to run:
//
//	scripts/kubernetes-cluster up
//	cd sidecar && go test -exec "$PWD/../scripts/kubernetes-cluster run" ./internal/platform/kubernetes/clustertest
package clustertest
