package face

import (
	"fmt"
	"strings"
)

// Style is a style sheet that puts an event's colours over those of the pages; empty for Whaley's own. It is made of
// checked colours only.
func (f Face) Style() string {
	if f.Brand == nil {
		return ""
	}
	var out strings.Builder
	write := func(selector string, s Shades, glow string) {
		fmt.Fprintf(
			&out, "%s{--accent:%s;--accent-ground:%s;--accent-line:%s;--button:%s;--button-over:%s;--button-ink:%s;--glow:%s}\n",
			selector, s.Accent, s.AccentGround, s.AccentLine, s.Button, s.ButtonOver, s.ButtonInk, s.AccentLine+glow,
		)
	}
	// html:root wins over the :root of the build, wherever the two sheets stand.
	write("html:root", f.Brand.Dark, "73")
	out.WriteString("@media (prefers-color-scheme: light){")
	write(`html:root:not([data-theme="dark"])`, f.Brand.Light, "40")
	out.WriteString("}\n")
	write(`html:root[data-theme="light"]`, f.Brand.Light, "40")
	return out.String()
}
