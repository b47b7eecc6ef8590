package main

import (
	"context"
	"net/http"
)

// insideContainers are what root in a container does there. Each flood is bounded by its own number.
var insideContainers = []attack{
	{
		name: "connection_table", run: whileItRuns("hostile-flows"),
		folders: map[string]map[string]string{"hostile-flows": folderOf(
			"services:\n  web:\n    build: .\n    command: [serve, udp=sibling/20000]\n  sibling:\n    build: .\n    command: [sleep]\n",
			"")},
	},
	{
		name: "bridge_table", run: whileItRuns("hostile-macs"),
		folders: map[string]map[string]string{"hostile-macs": folderOf(
			"services:\n  web:\n    build: .\n    command: [serve, macs=20000]\n", "[security]\ncapabilities = [\"NET_RAW\"]\n")},
	},
	{
		name: "log", run: whileItRuns("hostile-log"),
		folders: map[string]map[string]string{"hostile-log": folder("serve", "print")},
	},
	{
		name: "crash_loops", run: whileItRuns("hostile-loops"),
		folders: map[string]map[string]string{"hostile-loops": folderOf(loops, "")},
	},
	{
		name: "unlinked_file", run: whileItRuns("hostile-unlinked"),
		folders: map[string]map[string]string{"hostile-unlinked": folder("serve", "unlinked=256")},
	},
	{name: "endless_health_check", run: endlessCheck, folders: map[string]map[string]string{"hostile-check": folderOf(
		"services:\n  web:\n    build: .\n    command: [serve]\n    healthcheck:\n      test: [CMD, /program, \"yes\"]\n      timeout: 1h\n",
		"")}},
}

const loops = `
x-loop: &loop
  build: .
  command: ["exit=100-3000"]
  restart: always
services:
  web:
    build: .
    command: [serve]
  l1: *loop
  l2: *loop
  l3: *loop
  l4: *loop
  l5: *loop
`

// endlessCheck asks for what never becomes ready, again as soon as it may.
func endlessCheck(ctx context.Context, s *strike) error {
	defer s.stopAll(attacker)
	c := s.client(attacker, 0)
	s.begun()
	for ctx.Err() == nil {
		s.count(s.send(
			ctx, c, http.MethodPost, s.Dashboard+"/instances/spawn?wait=30", `{"challenge_id":"hostile-check"}`, "Content-Type",
			"application/json",
		))
	}
	return nil
}
