package instancer

import (
	"context"
	"slices"
	"strings"

	"github.com/whaley-ctf/whaley/sidecar/internal/whaley"
)

// printedLines is how many of the last lines of each service are kept of an instance that ended badly.
const printedLines = 100

// mostOfALine is how much of a last line an event holds, in bytes.
const mostOfALine = 300

// keepPrinted keeps the last lines of an instance that is about to be removed because it did not start, or ended by
// itself: without them its author does not find out why. It returns the very last line of them.
func (i *Instancer) keepPrinted(ctx context.Context, in *whaley.Instance) (last string) {
	ctx, cancel := context.WithTimeout(ctx, captureTime)
	defer cancel()
	objects, err := i.Platform.List(ctx, in.ID)
	if err != nil {
		i.Log.WarnContext(ctx, "last lines not kept", "instance", in.ID, "err", err)
		return ""
	}
	var all []whaley.Printed
	for _, o := range objects {
		if o.Kind != "container" || !o.Running && !o.Ended || o.Labels.Service == whaley.RelayService {
			continue
		}
		text, err := i.Platform.Logs(ctx, o.ID, printedLines)
		if err != nil {
			i.Log.WarnContext(
				ctx, "last lines of a service not kept", "instance", in.ID, "service", o.Labels.Service, "err", err,
			)
		}
		text = i.withoutSecrets(in.Challenge, text)
		if text = strings.ToValidUTF8(strings.ReplaceAll(text, "\x00", ""), "\uFFFD"); text != "" {
			all = append(all, whaley.Printed{Service: o.Labels.Service, Text: text})
		}
	}
	if len(all) == 0 {
		return ""
	}
	slices.SortFunc(all, func(a, b whaley.Printed) int { return strings.Compare(a.Service, b.Service) })
	if err := i.Store.KeepPrinted(ctx, in.ID, all); err != nil {
		i.Log.WarnContext(ctx, "last lines not kept", "instance", in.ID, "err", err)
	}
	return lastLine(all)
}

// lastLine is what a service printed last, if only one printed anything: which of several told why is not known.
func lastLine(all []whaley.Printed) string {
	if len(all) != 1 {
		return ""
	}
	text := strings.TrimSpace(all[0].Text)
	line := strings.TrimSpace(text[strings.LastIndexByte(text, '\n')+1:])
	if len(line) > mostOfALine {
		line = strings.ToValidUTF8(line[:mostOfALine], "") + "…"
	}
	return line
}
