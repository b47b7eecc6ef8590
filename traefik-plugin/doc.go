// Package whaley is the front door of Whaley: a Traefik middleware that knows who asks for an instance's host, wakes
// the instance if it may, holds the request meanwhile, and proxies it.
//
// It promises:
//   - a request reaches the container as it came: its body is not read before the container is there, and the
//     ResponseWriter is handed on as it is;
//   - a container sees none of Whaley's cookies, headers and codes, and sets none of its cookies;
//   - unknown, foreign and sleeping hosts get byte for byte the same answer;
//   - running instances go on being served while the sidecar is away.
//
// Traefik interprets it with Yaegi: standard library up to Go 1.20, no generics, flat structs, sentinel errors, and one
// assignment a statement, since Yaegi loses all but the last of "s.a, s.b = x, f()". What must outlive a reload of Traefik's configuration (client, caches) is package-level, see sidecar.go.
package whaley
