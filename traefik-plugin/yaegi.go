package whaley

// lastNamed names the methods that only earlier lines call. Yaegi works out the type of a method when it compiles a
// line behind the method that names it, in the order of files and lines; else at the first call, where two first calls
// race. So this is the file that it compiles last.
func lastNamed(h *Handler, s *sidecar, d *direct, v *visit, e *events, g *gate) []any {
	return []any{
		d.longWay, d.through, e.send, h.acceptable, h.exchange, h.forward, h.hasRoom, h.hold, h.inTurn, h.leave,
		h.notRunning, h.prepare, h.readyKey, h.reserved, h.rewrite, h.said, h.serve, h.serveReady, h.status, h.tickets, h.tooMany, h.waits, h.wake, h.whose,
		s.call, s.callAt, s.checked, s.enter, s.failed, s.forget, s.leave, s.recall, s.remember, s.ring, s.unready,
		s.verify, v.done, v.show, v.traced, g.count, g.leave, g.pass,
	}
}

var _ = lastNamed
