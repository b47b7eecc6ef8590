package store_test

import (
	"context"
	"fmt"
	"strings"
	"testing"

	"github.com/whaley-ctf/whaley/sidecar/internal/store"
	"github.com/whaley-ctf/whaley/sidecar/internal/testkit"
	"github.com/whaley-ctf/whaley/sidecar/internal/whaley"
)

// What the first version wrote; every later one could still have.
var earliest = []string{
	`INSERT INTO instances (id, challenge, revision, owner_id, owner_name, player, slug, routes, state, reason, stop_cause, subnet,
		addresses, ports, created_at, started_at, expires_at, extended_ms, version)
	VALUES ('web-1', 'web', 'r1', 'user_1', 'Ada', 'user_1', 'abcdefghijklm', '[{"Service":"web","Port":80,"Type":"http"}]', 'running',
		'null', '', '10.240.0.0/28', '{"web":"10.240.0.2"}', '{}', '2026-11-01 10:00:00+00:00', '2026-11-01 10:00:01+00:00',
		'2030-01-01 00:00:00+00:00', 0, 3)`,
	`INSERT INTO events (id, type, instance, challenge, owner, player, message, at)
	VALUES ('01933a00-0000-7000-8000-000000000000', 'instance_spawn', 'web-1', 'web', 'user_1', 'user_1', 'asked for web', '2026-11-01 10:00:00+00:00')`,
	`INSERT INTO subnets (prefix, instance) VALUES ('10.240.0.0/28', 'web-1')`,
}

// TestADatabaseOfEveryEarlierVersionIsTakenOver stops after each migration, fills the tables, and goes on.
func TestADatabaseOfEveryEarlierVersionIsTakenOver(t *testing.T) {
	ctx := context.Background()
	server := testkit.StartPostgres(t)
	creator := open(t, server, "")
	for _, kind := range []string{"sqlite", "postgres"} {
		for count, later := 1, true; later; count++ {
			t.Run(fmt.Sprint(kind, " after ", count), func(t *testing.T) {
				url, dir := "", t.TempDir()
				if kind == "postgres" {
					name := fmt.Sprint("after_", count)
					if err := creator.Exec(ctx, "CREATE DATABASE "+name); err != nil {
						t.Fatal(err)
					}
					url = strings.Replace(server, "/postgres?", "/"+name+"?", 1)
				}
				var before *store.Store
				var err error
				if before, later, err = store.OpenAsItWas(ctx, url, dir, count); err != nil {
					t.Fatal(err)
				}
				for _, statement := range earliest {
					if err := before.Exec(ctx, statement); err != nil {
						t.Fatal(err)
					}
				}
				before.Close()
				now := open(t, url, dir)
				in, err := now.Get(ctx, "web-1")
				if err != nil || in.State != whaley.Running || in.Owner.Name != "Ada" ||
					in.Addresses["web"].String() != "10.240.0.2" {
					t.Errorf("the instance is now %+v %v", in, err)
				}
				in, err = now.Update(
					ctx, "web-1", []whaley.State{whaley.Running}, func(in *whaley.Instance) { in.State = whaley.Stopping },
					whaley.Event{Type: "instance_stop", Instance: "web-1"},
				)
				if err != nil || in.Version != 4 {
					t.Errorf("going on with it: %+v %v", in, err)
				}
				if events, err := now.Events(ctx, "web-1"); err != nil || len(events) != 2 {
					t.Errorf("its events are now %v %v", events, err)
				}
			})
		}
	}
}
