package connect

import (
	"context"
	_ "embed"
	"encoding/json"
	"strings"
)

// WindowPath is where the script is that shows a player's own instance in CTFd's challenge window.
const WindowPath = "/ctfd.js"

const (
	header     = "theme_header" // CTFd's setting that is put into the head of each of its pages
	blockBegin = "<!-- Whaley: instances in the challenge window -->"
	blockEnd   = "<!-- /Whaley -->"
)

//go:embed window.js
var window string

// PluginScript is the script for Whaley's plugin in CTFd, which passes on what it asks.
func (c *Connection) PluginScript() string {
	return strings.Replace(c.WindowScript(), "const plugin = false;", "const plugin = true;", 1)
}

// WindowScript is the script, which asks this dashboard only.
func (c *Connection) WindowScript() string {
	to, err := json.Marshal(c.opts.Dashboard)
	if err != nil {
		return "" // text can be written as JSON
	}
	return strings.Replace(window, "= DASHBOARD;", "= "+string(to)+";", 1)
}

func (c *Connection) block() string {
	return blockBegin + `<script defer src="` + c.opts.Dashboard + WindowPath + `"></script>` + blockEnd
}

// ShowWindow has CTFd load the script on each page, or no more. What else its theme header holds stays as it is.
func (c *Connection) ShowWindow(ctx context.Context, on bool) error {
	was, err := c.ctfd.Setting(ctx, header)
	if err != nil {
		return err
	}
	next := withoutBlock(was)
	if on {
		if next != "" && !strings.HasSuffix(next, "\n") {
			next += "\n"
		}
		next += c.block()
	}
	if next != was {
		if err := c.ctfd.ChangeSetting(ctx, header, next); err != nil {
			return err
		}
	}
	now := *c.now.Load()
	now.Window = on
	c.now.Store(&now)
	return nil
}

// lookAtWindow says whether CTFd loads the script.
func (c *Connection) lookAtWindow(ctx context.Context) (bool, error) {
	text, err := c.ctfd.SettingLately(ctx, header)
	return strings.Contains(text, c.block()), err
}

// withoutBlock is a header without what Whaley has put there, whatever its address was.
func withoutBlock(text string) string {
	for {
		before, rest, found := strings.Cut(text, blockBegin)
		_, after, ends := strings.Cut(rest, blockEnd)
		if !found || !ends {
			return text
		}
		text = strings.TrimSuffix(before, "\n") + after
	}
}
