package firewall

// Compare says how the kernel's table differs from what it should be.
func (a *Arrivals) Compare() error { return a.compare() }

// Look is what Run does now and then.
func (a *Arrivals) Look() { a.look() }
