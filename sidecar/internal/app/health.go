package app

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"time"

	"github.com/whaley-ctf/whaley/sidecar/internal/config"
)

const healthTimeout = 4 * time.Second

// Health asks the sidecar that runs with the same settings whether it is ready: what a container's health check runs.
func Health(ctx context.Context, env map[string]string, out io.Writer) error {
	c, err := ReadSettings(env)
	if err != nil {
		return err
	}
	status, text, err := AskReady(ctx, c)
	if err != nil {
		return err
	}
	if status != http.StatusOK && !isStandby(text) {
		return fmt.Errorf("not ready: %s", text)
	}
	_, err = out.Write(text)
	return err
}

// isStandby says whether a sidecar is as it should be, but not the one that works.
func isStandby(health []byte) bool {
	var answer struct{ Status string }
	return json.Unmarshal(health, &answer) == nil && answer.Status == "standby"
}

// AskReady is what the sidecar that runs with these settings says of its health.
func AskReady(ctx context.Context, c *config.Config) (status int, text []byte, err error) {
	host, port, err := net.SplitHostPort(c.Listen)
	if err != nil {
		return 0, nil, fmt.Errorf("LISTEN: %w", err)
	}
	if ip := net.ParseIP(host); host == "" || ip != nil && ip.IsUnspecified() {
		host = "127.0.0.1"
	}
	ctx, cancel := context.WithTimeout(ctx, healthTimeout)
	defer cancel()
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+net.JoinHostPort(host, port)+"/health/ready", nil)
	if err != nil {
		return 0, nil, err
	}
	resp, err := http.DefaultClient.Do(r)
	if err != nil {
		return 0, nil, err
	}
	defer resp.Body.Close()
	text, err = io.ReadAll(io.LimitReader(resp.Body, 64<<10))
	return resp.StatusCode, text, err
}
