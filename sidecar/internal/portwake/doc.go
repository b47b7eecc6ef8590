// Package portwake answers connections to ports of the host that the kernel does not lead to an instance: those of
// instances that sleep, and all that come from the host's own loopback or by IPv6.
//
// It promises: a port of what sleeps starts it for who comes from an address that its owner signed in from or played
// from lately; such a connection is held, and then is the one to the challenge. Nothing but the challenge's bytes are
// sent, unless the connection is refused: then it is one line that says why. Ports of nobody's are closed without a
// byte. Datagrams are held alike, and of those that may start nothing none is ever answered: where one comes from can
// be a lie. One address waits for itself, and no instance has more connections here than it may have by the kernel.
package portwake
