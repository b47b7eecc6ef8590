package plugintest

import (
	"context"
	"net/http"
	"os"
	"path/filepath"
	"reflect"
	"testing"

	"github.com/traefik/yaegi/interp"
	"github.com/traefik/yaegi/stdlib"

	whaley "github.com/whaley-ctf/whaley/traefik-plugin"
)

// settings are what a middleware is configured with.
type settings struct{ name, internal, key, base, dashboard, backend, forwarded, own, proxies string }

// maker makes the middleware, one way or the other.
type maker func(t testing.TB, next http.Handler, s settings) (http.Handler, error)

func compiled(_ testing.TB, next http.Handler, s settings) (http.Handler, error) {
	c := whaley.CreateConfig()
	c.InternalURL, c.PluginKey, c.BaseDomain, c.DashboardURL, c.Backend = s.internal, s.key, s.base, s.dashboard, s.backend
	c.Forwarded, c.OwnPages, c.Proxies = s.forwarded, s.own, s.proxies
	return whaley.New(context.Background(), next, c, s.name)
}

// interpreted loads the plugin as Traefik loads a local one: sources in a GOPATH, shared beside it, the standard
// library and nothing else.
func interpreted(t testing.TB) maker {
	t.Helper()
	gopath := t.TempDir()
	module := filepath.Join(gopath, "src", "github.com", "whaley-ctf", "whaley")
	for _, folder := range []string{"shared", "traefik-plugin"} {
		if err := os.CopyFS(filepath.Join(module, folder), os.DirFS(filepath.Join("..", "..", "..", folder))); err != nil {
			t.Fatal(err)
		}
	}
	i := interp.New(interp.Options{GoPath: gopath})
	if err := i.Use(stdlib.Symbols); err != nil {
		t.Fatal(err)
	}
	if _, err := i.Eval(`import "github.com/whaley-ctf/whaley/traefik-plugin"`); err != nil {
		t.Fatalf("Yaegi does not take the plugin: %v", err)
	}
	constructor, err := i.Eval("whaley.New")
	if err != nil {
		t.Fatal(err)
	}
	defaults, err := i.Eval("whaley.CreateConfig") // nothing is evaluated later on, when requests may be under way
	if err != nil {
		t.Fatal(err)
	}
	return func(t testing.TB, next http.Handler, s settings) (http.Handler, error) {
		t.Helper()
		config := defaults.Call(nil)[0]
		for field, value := range map[string]string{
			"InternalURL": s.internal, "PluginKey": s.key, "BaseDomain": s.base, "DashboardURL": s.dashboard,
			"Backend":   s.backend,
			"Forwarded": s.forwarded, "OwnPages": s.own, "Proxies": s.proxies,
		} {
			config.Elem().FieldByName(field).SetString(value)
		}
		results := constructor.Call([]reflect.Value{
			reflect.ValueOf(context.Background()), reflect.ValueOf(&next).Elem(), config, reflect.ValueOf(s.name),
		})
		if err, failed := results[1].Interface().(error); failed {
			return nil, err
		}
		return results[0].Interface().(http.Handler), nil
	}
}
