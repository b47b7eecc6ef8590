package sentinel

import (
	"errors"
	"strings"
	"unicode"
)

// ParseFormat takes apart how flags look: "…" or "..." stands for their text, as in ABC+{…}, flag-... or f.l.a.g{...}.
func ParseFormat(format string) (open, end string, err error) {
	at, dots := strings.LastIndex(format, "…"), "…"
	if at < 0 {
		at, dots = strings.LastIndex(format, "..."), "..."
	}
	if at < 0 {
		return "", "", errors.New("must have … or ... where the flag's text is, as in ABC+{…}")
	}
	open, end = format[:at], format[at+len(dots):]
	word := func(r rune) bool { return unicode.IsLetter(r) || unicode.IsDigit(r) }
	switch {
	case open == "" || len(open) > maxEdge || len(end) > maxEdge:
		err = errors.New("must have 1 to 40 bytes before the flag's text, and at most 40 after it")
	case strings.Contains(open, "…"):
		err = errors.New("must have … once")
	case strings.ContainsFunc(format, unicode.IsControl):
		err = errors.New("must be one line")
	case !strings.ContainsFunc(open, word):
		err = errors.New("must have a letter or digit before the flag's text: nothing else tells flags from programs")
	case strings.LastIndexFunc(open, word) == len(open)-1, strings.IndexFunc(end, word) == 0:
		err = errors.New("must have a sign, as { or _, between its own letters and the flag's text")
	}
	return open, end, err
}

const maxEdge = 40 // bytes of a format before and after the text
