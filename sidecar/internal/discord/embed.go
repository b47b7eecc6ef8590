package discord

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/whaley-ctf/whaley/sidecar/internal/whaley"
)

// Discord's limits, and from how many on events are summed up.
const (
	maxEmbeds  = 10
	maxMessage = 5500 // characters of all embeds; Discord takes 6,000
	maxTitle   = 250
	maxValue   = 900
	manyEvents = 3 * maxEmbeds
)

const (
	green  = 0x2ecc71
	red    = 0xe74c3c
	yellow = 0xf1c40f
	orange = 0xe67e22
	purple = 0x8e44ad
	grey   = 0x737373
)

// kind is how one type of event looks.
type kind struct {
	title string
	color int
	label string // of the message
	way   bool   // how to reach it is of interest
}

var kinds = map[string]kind{
	"instance_running":      {"Instance started", green, "Started", true},
	"instance_spawn_failed": {"Instance failed to start", red, "Reason", false},
	"instance_extend":       {"Instance extended", yellow, "Extension", false},
	"instance_stop":         {"Instance stopped", orange, "Reason", false},
	"instance_expired":      {"Instance expired", orange, "Reason", false},
	"instance_lost":         {"Instance lost", orange, "Reason", false},
	"suspicious_submission": {"Flag shared", purple, "Found", false},
	"suspicious_solve":      {"Unlikely solve", purple, "Found", false},
}

// Wants says whether a channel is told of an event.
func Wants(ev whaley.Event) bool { _, known := kinds[ev.Type]; return known }

// Details are what is known of an event's instance beside the event.
type Details struct {
	Challenge string   // its name
	Owner     string   // name
	Ways      []string // how to reach it: addresses and lines to copy
	ExpiresAt time.Time
}

type embed struct {
	Title     string  `json:"title"`
	Color     int     `json:"color"`
	Fields    []field `json:"fields"`
	Timestamp string  `json:"timestamp"`
}

type field struct {
	Name   string `json:"name"`
	Value  string `json:"value"`
	Inline bool   `json:"inline"`
}

func (e *embed) add(name, value string, inline bool) {
	if value != "" {
		e.Fields = append(e.Fields, field{name, cut(value, maxValue), inline})
	}
}

func (e *embed) size() int {
	n := utf8.RuneCountInString(e.Title)
	for _, f := range e.Fields {
		n += utf8.RuneCountInString(f.Name) + utf8.RuneCountInString(f.Value)
	}
	return n
}

// Encoder makes messages; describe adds what an event does not hold, and may fail.
func Encoder(
	describe func(ctx context.Context, ev whaley.Event) (Details, error),
) func(context.Context, []whaley.Event) ([]byte, int, error) {
	return func(ctx context.Context, events []whaley.Event) ([]byte, int, error) {
		if len(events) > manyEvents {
			body, err := message([]embed{summary(events)})
			return body, len(events), err
		}
		var embeds []embed
		size := 0
		for _, ev := range events[:min(len(events), maxEmbeds)] {
			d, err := describe(ctx, ev)
			if err != nil {
				d = Details{}
			}
			e := embedOf(ev, d)
			if size += e.size(); size > maxMessage && len(embeds) > 0 {
				break
			}
			embeds = append(embeds, e)
		}
		body, err := message(embeds)
		return body, len(embeds), err
	}
}

func message(embeds []embed) ([]byte, error) {
	return json.Marshal(map[string]any{
		"username": "Whaley", "embeds": embeds, "allowed_mentions": map[string]any{"parse": []string{}},
	})
}

func embedOf(ev whaley.Event, d Details) embed {
	k := kinds[ev.Type]
	challenge := d.Challenge
	if challenge == "" {
		challenge = ev.Challenge
	}
	e := embed{Title: k.title, Color: k.color, Timestamp: ev.At.UTC().Format(time.RFC3339)}
	if challenge != "" {
		e.Title = cut(k.title+": "+plain(challenge), maxTitle)
	}
	owner := ev.Owner
	if d.Owner != "" && d.Owner != ev.Owner {
		owner = d.Owner + " (" + ev.Owner + ")"
	}
	e.add("Owner", plain(owner), true)
	if ev.Player != ev.Owner {
		e.add("Player", plain(ev.Player), true)
	}
	e.add("Instance", plain(ev.Instance), true)
	e.add(k.label, plain(ev.Message), false)
	if k.way {
		for n, way := range d.Ways {
			d.Ways[n] = "`" + strings.NewReplacer("`", "'", "\n", " ").Replace(way) + "`"
		}
		e.add("Reach it", strings.Join(d.Ways, "\n"), false)
	}
	if !d.ExpiresAt.IsZero() && (k.way || ev.Type == "instance_extend") {
		e.add("Ends", fmt.Sprintf("<t:%d:R>", d.ExpiresAt.Unix()), true)
	}
	return e
}

// summary tells of many events at once.
func summary(events []whaley.Event) embed {
	counts := map[string]int{}
	for _, ev := range events {
		counts[ev.Type]++
	}
	e := embed{
		Title: fmt.Sprintf("%d things happened", len(events)), Color: grey,
		Timestamp: events[len(events)-1].At.UTC().Format(time.RFC3339),
	}
	for _, name := range slices.Sorted(maps.Keys(counts)) {
		e.add(kinds[name].title, fmt.Sprint(counts[name]), true)
	}
	return e
}

var unformatted = strings.NewReplacer(
	`\`, `\\`, "*", `\*`, "_", `\_`, "~", `\~`, "`", "\\`", "|", `\|`, ">", `\>`, "#", `\#`, "[", `\[`, "]", `\]`, "(",
	`\(`, ")", `\)`,
	"<", `\<`, "@", "@\u200b", "\n", " ", "\r", " ",
)

// plain is a text without any formatting, links and mentions.
func plain(text string) string { return unformatted.Replace(strings.ToValidUTF8(text, "\uFFFD")) }

func cut(text string, limit int) string {
	if utf8.RuneCountInString(text) <= limit {
		return text
	}
	return string([]rune(text)[:limit-1]) + "…"
}
