package monitor

import (
	"bufio"
	"os"
	"strconv"
	"strings"

	"github.com/whaley-ctf/whaley/sidecar/internal/whaley"
)

// Pressure is that of the machine now.
func Pressure() whaley.Pressure { return pressureIn("/proc/pressure") }

func pressureIn(folder string) whaley.Pressure {
	memory, io := averages(folder+"/memory"), averages(folder+"/io")
	return whaley.Pressure{Memory: memory["some"], AllMemory: memory["full"], AllIO: io["full"]}
}

// averages are those of ten seconds in a file of /proc/pressure, by the first word of their lines.
func averages(name string) map[string]float64 {
	f, err := os.Open(name)
	if err != nil {
		return nil // kernels may have none
	}
	defer f.Close()
	all := map[string]float64{}
	for lines := bufio.NewScanner(f); lines.Scan(); {
		words := strings.Fields(lines.Text())
		if len(words) < 2 {
			continue
		}
		if text, is := strings.CutPrefix(words[1], "avg10="); is {
			all[words[0]], _ = strconv.ParseFloat(text, 64)
		}
	}
	return all
}
