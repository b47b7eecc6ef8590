// Package firewall keeps what runs in the pool away from everything but itself, with one nftables table set by netlink.
//
// It promises: what comes from a bridge of this deployment opens no connection to the host, whatever address of the
// host it tries, none to another instance, and none to private, link-local or metadata ranges; only subnets in the
// set egress reach the rest of the world. Replies to connections that come from outside pass, and so does what stays
// within one network. The rules know bridges by the prefix of their names, so a new instance needs no new rule.
//
// The table stays when the sidecar ends, because instances go on running; it is taken away when nothing lives any more.
// It is put back when somebody flushes it. It would break if bridges got other names than the prefix says.
package firewall
