package docker

// See makes an Engine see the host's processes in another folder, as one that runs in a container does.
func (e *Engine) See(proc string) { e.proc.Store(proc) }

// Commands is how many commands run in containers, as far as it is known here.
func (e *Engine) Commands() (n int) {
	e.commands.mu.Lock()
	defer e.commands.mu.Unlock()
	for _, all := range e.commands.of {
		n += len(all)
	}
	return n
}
