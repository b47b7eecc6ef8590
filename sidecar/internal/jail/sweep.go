package jail

import (
	"bytes"
	"os"
	"strconv"
	"syscall"
)

// sweep ends what programs have left behind: whoever has lost its parent belongs to the first process of the container,
// which the stand-in is, and to no connection any more.
func (j *Jail) sweep() {
	if os.Getpid() != 1 {
		return // others' children come to whoever is first, and are not ours to end
	}
	for left := true; left; {
		left = false
		entries, err := os.ReadDir("/proc")
		if err != nil {
			return
		}
		for _, e := range entries {
			pid, err := strconv.Atoi(e.Name())
			if err != nil || pid == 1 || parent(pid) != 1 {
				continue
			}
			j.mu.Lock()
			ours := j.running[pid]
			if !ours {
				_ = syscall.Kill(pid, syscall.SIGKILL)
				var status syscall.WaitStatus
				reaped, _ := syscall.Wait4(pid, &status, 0, nil)
				left = left || reaped == pid
			}
			j.mu.Unlock()
		}
	}
}

// parent is the parent of a process; 0 if that is gone.
func parent(pid int) int {
	text, err := os.ReadFile("/proc/" + strconv.Itoa(pid) + "/stat")
	if err != nil {
		return 0
	}
	_, after, _ := bytes.Cut(text[bytes.LastIndexByte(text, ')')+1:], []byte(" ")) // the name may hold anything
	fields := bytes.Fields(after)
	if len(fields) < 2 {
		return 0
	}
	n, _ := strconv.Atoi(string(fields[1]))
	return n
}
