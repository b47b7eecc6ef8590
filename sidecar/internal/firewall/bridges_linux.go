package firewall

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"time"

	"github.com/vishvananda/netlink"
	"github.com/vishvananda/netlink/nl"
	"golang.org/x/sys/unix"
)

// What a bridge of an instance may do to the host is set as soon as there is one, by netlink: a sidecar in a container
// sees /proc/sys read-only.

// maxLearned is how many hardware addresses a bridge remembers. A network has room for 14; with NET_RAW anybody can
// invent more, and without a bound the host keeps each for five minutes.
const maxLearned = 64

// Numbers of the kernel that the netlink package does not have (linux/if_link.h, linux/ip.h).
const (
	bridgeMaxLearned = 49 // IFLA_BR_FDB_MAX_LEARNED, since 6.7; an older kernel takes no notice
	ofInet           = unix.AF_INET
	inetConf         = 1  // IFLA_INET_CONF
	arpIgnore        = 19 // IPV4_DEVCONF_ARP_IGNORE
	ownSubnetOnly    = 2  // answer for addresses of this interface, and only to its own subnet
)

// again is how long it takes until bridges are followed anew when that has broken off.
const again = time.Second

// Bridges are those of one deployment.
type Bridges struct {
	prefix string
	log    *slog.Logger
	done   map[int]bool // by index of the interface
}

// NewBridges makes them for all whose names begin with prefix.
func NewBridges(prefix string, log *slog.Logger) *Bridges { return &Bridges{prefix: prefix, log: log} }

// Run bounds every bridge that is there and every one that comes, until ctx ends.
func (b *Bridges) Run(ctx context.Context) error {
	for ctx.Err() == nil {
		if err := b.follow(ctx); err != nil && ctx.Err() == nil {
			b.log.Warn("bridges of instances are not followed for a moment", "err", err)
		}
		select {
		case <-time.After(again):
		case <-ctx.Done():
		}
	}
	return nil
}

// follow returns when the kernel tells no more, as after more changes at once than its buffer holds.
func (b *Bridges) follow(ctx context.Context) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	b.done = map[int]bool{}
	var broken error
	links := make(chan netlink.LinkUpdate)
	err := netlink.LinkSubscribeWithOptions(links, ctx.Done(), netlink.LinkSubscribeOptions{
		ListExisting: true, ErrorCallback: func(err error) { broken = err },
	})
	if err != nil {
		return fmt.Errorf("ask the kernel for changes of interfaces: %w", err)
	}
	for link := range links { // is closed when ctx ends, too
		index, name := int(link.Index), link.Attrs().Name
		switch {
		case link.Header.Type == unix.RTM_DELLINK:
			delete(b.done, index)
		case link.Type() == "bridge" && strings.HasPrefix(name, b.prefix) && !b.done[index]:
			err := bound(index)
			if err != nil && !errors.Is(err, unix.ENODEV) {
				b.log.Error("bridge of an instance is not bounded", "bridge", name, "err", err)
			}
			b.done[index] = err == nil
		}
	}
	return broken
}

// bound sets both in one message: how much a bridge learns, and that the host tells nobody of its other addresses.
func bound(index int) error {
	r := nl.NewNetlinkRequest(unix.RTM_NEWLINK, unix.NLM_F_ACK)
	message := nl.NewIfInfomsg(unix.AF_UNSPEC)
	message.Index = int32(index)
	r.AddData(message)
	info := nl.NewRtAttr(unix.IFLA_LINKINFO, nil)
	info.AddRtAttr(nl.IFLA_INFO_KIND, nl.NonZeroTerminated("bridge"))
	info.AddRtAttr(nl.IFLA_INFO_DATA, nil).AddRtAttr(bridgeMaxLearned, nl.Uint32Attr(maxLearned))
	r.AddData(info)
	spec := nl.NewRtAttr(unix.IFLA_AF_SPEC, nil)
	spec.AddRtAttr(ofInet, nil).AddRtAttr(inetConf, nil).AddRtAttr(arpIgnore, nl.Uint32Attr(ownSubnetOnly))
	r.AddData(spec)
	_, err := r.Execute(unix.NETLINK_ROUTE, 0)
	return err
}
