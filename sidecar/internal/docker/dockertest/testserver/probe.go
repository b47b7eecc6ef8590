//go:build linux

package main

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"
	"os/exec"
	"strings"
	"syscall"
	"time"
)

// patience is how long an answer may take on a machine that has much to do.
const patience = 3 * time.Second

// What an instance can do from inside; each answers one line of text.
func probes() {
	for path, probe := range map[string]func(r *http.Request) string{
		"/probe/dial": dial, "/probe/udp": datagram, "/probe/ping": ping, "/probe/socket": rawSocket, "/probe/name": lookUp,
		"/probe/call": call, "/probe/fork": fork, "/probe/fill": fill, "/probe/eat": eat, "/probe/read": read,
		"/probe/flood": flood, "/probe/hold": hold, "/probe/frames": frames,
		"/probe/hide": hide, "/probe/litter": litter, "/probe/output": output,
	} {
		http.HandleFunc(path, func(w http.ResponseWriter, r *http.Request) { fmt.Fprint(w, probe(r)) })
	}
}

// outcome is how a dial ended.
func outcome(err error) string {
	var timeout net.Error
	switch {
	case err == nil:
		return "open"
	case errors.Is(err, syscall.ECONNREFUSED):
		return "refused"
	case errors.Is(err, syscall.ENETUNREACH), errors.Is(err, syscall.EHOSTUNREACH):
		return "no route"
	case errors.Is(err, syscall.ENOENT):
		return "not there"
	case errors.As(err, &timeout) && timeout.Timeout():
		return "nothing"
	}
	return err.Error()
}

func dial(r *http.Request) string {
	network := r.FormValue("net")
	if network == "" {
		network = "tcp"
	}
	conn, err := net.DialTimeout(network, r.FormValue("to"), patience)
	if err == nil {
		conn.Close()
	}
	return outcome(err)
}

func datagram(r *http.Request) string {
	conn, err := net.Dial("udp", r.FormValue("to"))
	if err != nil {
		return outcome(err)
	}
	defer conn.Close()
	conn.SetDeadline(time.Now().Add(patience))
	if _, err := conn.Write([]byte("whale")); err != nil {
		return outcome(err)
	}
	_, err = conn.Read(make([]byte, 64))
	return outcome(err)
}

// ping uses the socket for it that needs no right.
func ping(r *http.Request) string {
	s, err := syscall.Socket(syscall.AF_INET, syscall.SOCK_DGRAM, syscall.IPPROTO_ICMP)
	if err != nil {
		return err.Error()
	}
	defer syscall.Close(s)
	to := &syscall.SockaddrInet4{Addr: [4]byte(net.ParseIP(r.FormValue("to")).To4())}
	syscall.SetsockoptTimeval(s, syscall.SOL_SOCKET, syscall.SO_RCVTIMEO, &syscall.Timeval{Sec: int64(patience.Seconds())})
	if err := syscall.Sendto(s, []byte{8, 0, 0, 0, 0, 0, 0, 1}, 0, to); err != nil {
		return outcome(err)
	}
	if _, _, err := syscall.Recvfrom(s, make([]byte, 64), 0); errors.Is(err, syscall.EAGAIN) {
		return "nothing"
	} else if err != nil {
		return outcome(err)
	}
	return "open"
}

func rawSocket(r *http.Request) string {
	kinds := map[string][3]int{
		"raw":    {syscall.AF_INET, syscall.SOCK_RAW, syscall.IPPROTO_TCP},
		"packet": {syscall.AF_PACKET, syscall.SOCK_RAW, 0x0300},
		"raw6":   {syscall.AF_INET6, syscall.SOCK_RAW, syscall.IPPROTO_ICMPV6},
	}
	k := kinds[r.FormValue("kind")]
	s, err := syscall.Socket(k[0], k[1], k[2])
	if err != nil {
		return err.Error()
	}
	syscall.Close(s)
	return "open"
}

func lookUp(r *http.Request) string {
	ctx, cancel := context.WithTimeout(r.Context(), 2*time.Second)
	defer cancel()
	began := time.Now()
	_, err := net.DefaultResolver.LookupHost(ctx, r.FormValue("host"))
	if err == nil {
		return "found"
	}
	if time.Since(began) > time.Second {
		return "not found, slowly"
	}
	return "not found"
}

// call tries one system call that would lead out.
func call(r *http.Request) string {
	var err error
	switch r.FormValue("name") {
	case "mount":
		err = syscall.Mount("none", "/tmp", "tmpfs", 0, "")
	case "user namespace":
		err = (&exec.Cmd{
			Path: "/server", Args: []string{"/server", "health"},
			SysProcAttr: &syscall.SysProcAttr{Cloneflags: syscall.CLONE_NEWUSER},
		}).Start()
	case "net namespace":
		err = (&exec.Cmd{
			Path: "/server", Args: []string{"/server", "health"},
			SysProcAttr: &syscall.SysProcAttr{Cloneflags: syscall.CLONE_NEWNET},
		}).Start()
	case "device":
		err = syscall.Mknod("/disk", syscall.S_IFBLK|0o600, 0xfe00)
	case "sysctl":
		err = os.WriteFile("/proc/sys/net/ipv4/ip_forward", []byte("1"), 0)
	case "sysrq":
		err = os.WriteFile("/proc/sysrq-trigger", []byte("h"), 0)
	case "address":
		var s int
		if s, err = syscall.Socket(syscall.AF_NETLINK, syscall.SOCK_RAW, syscall.NETLINK_ROUTE); err == nil {
			err = flush(s)
		}
	case "chroot":
		err = syscall.Chroot("/")
	case "reboot":
		err = syscall.Reboot(syscall.LINUX_REBOOT_CMD_CAD_OFF)
	case "module":
		_, _, e := syscall.Syscall(syscall.SYS_INIT_MODULE, 0, 0, 0)
		err = e
	}
	if err == nil {
		return "done"
	}
	for errors.Unwrap(err) != nil {
		err = errors.Unwrap(err)
	}
	return err.Error()
}

// flush asks the kernel to take the loopback interface down.
func flush(s int) error {
	defer syscall.Close(s)
	message := make([]byte, 32)
	message[0], message[4], message[6] = 32, syscall.RTM_NEWLINK, syscall.NLM_F_REQUEST|syscall.NLM_F_ACK
	message[20], message[28] = 1, syscall.IFF_UP // index of lo; change the flag up, to down
	if err := syscall.Sendto(s, message, 0, &syscall.SockaddrNetlink{Family: syscall.AF_NETLINK}); err != nil {
		return err
	}
	answer := make([]byte, 4096)
	n, _, err := syscall.Recvfrom(s, answer, 0)
	if err != nil {
		return err
	}
	if n >= 20 {
		if code := int32(uint32(answer[16]) | uint32(answer[17])<<8 | uint32(answer[18])<<16 | uint32(answer[19])<<24); code != 0 {
			return syscall.Errno(-code)
		}
	}
	return nil
}

// fork starts processes until it may not, and ends them again.
func fork(*http.Request) string {
	var all []*exec.Cmd
	var err error
	for len(all) < 5000 {
		c := exec.Command("/server")
		c.Env = []string{"NEVER=1"}
		if err = c.Start(); err != nil {
			break
		}
		all = append(all, c)
	}
	for _, c := range all {
		c.Process.Kill()
		c.Wait()
	}
	if err == nil {
		return "done"
	}
	return errors.Unwrap(err).Error()
}

// fill writes a file until it may not, or until it has mb megabytes.
func fill(r *http.Request) string {
	f, err := os.Create(r.FormValue("path"))
	if err != nil {
		return err.Error()
	}
	defer f.Close()
	var megabytes int
	fmt.Sscan(r.FormValue("mb"), &megabytes)
	block := []byte(strings.Repeat("whale...", 1<<17))
	for n := range megabytes {
		if _, err := f.Write(block); err != nil {
			return fmt.Sprint(errors.Unwrap(err), " after ", n, " MB")
		}
	}
	return "done"
}

// eat lets another process take memory, and tells how that one ended.
func eat(*http.Request) string {
	c := exec.Command("/server", "eat")
	if err := c.Run(); err != nil {
		return err.Error()
	}
	return "done"
}

func read(r *http.Request) string {
	text, err := os.ReadFile(r.FormValue("path"))
	if err != nil {
		return err.Error()
	}
	return string(text)
}

func takeMemory() {
	var all [][]byte
	for range 4096 {
		block := make([]byte, 1<<20)
		for n := range block {
			block[n] = 1
		}
		all = append(all, block)
	}
	fmt.Println(len(all))
}
