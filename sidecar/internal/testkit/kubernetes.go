package testkit

import (
	"os"
	"path/filepath"
	"testing"
)

// Kubeconfig is how to reach the cluster of scripts/kubernetes-cluster as one who may do everything.
func Kubeconfig(t testing.TB) string {
	t.Helper()
	Need(t, Kubernetes)
	cache := os.Getenv("WHALEY_CACHE")
	if cache == "" {
		folder, err := os.UserCacheDir()
		if err != nil {
			t.Fatal(err)
		}
		cache = filepath.Join(folder, "whaley")
	}
	return filepath.Join(cache, "kubernetes", "admin.kubeconfig")
}
