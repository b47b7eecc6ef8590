package canary

import (
	"bufio"
	"slices"
	"strings"
	"testing"
)

func TestTheGatewayIsReadFromTheRoutes(t *testing.T) {
	const routes = `Iface	Destination	Gateway 	Flags	RefCnt	Use	Metric	Mask		MTU	Window	IRTT
eth0	00000000	0101FEA9	0003	0	0	0	00000000	0	0	0
eth0	0101FEA9	00000000	0005	0	0	0	FFFFFFFF	0	0	0
`
	if got := gateways(bufio.NewScanner(strings.NewReader(routes))); !slices.Equal(got, []string{"169.254.1.1"}) {
		t.Errorf("gateways %v", got)
	}
}
