package system

import (
	"errors"
	"fmt"
	"net"
	"net/http"
	"os/exec"
	"strings"
	"syscall"
	"testing"
	"time"
)

// TestTheAddressOfWhatHasStoppedRefuses wants whoever still remembers a container to be told at once that it is gone, with
// networks that go and with such that stay for the next instance, and the next request to find a new one.
func TestTheAddressOfWhatHasStoppedRefuses(t *testing.T) {
	t.Parallel()
	for _, pool := range []string{"0", "2"} {
		t.Run("pool of "+pool, func(t *testing.T) {
			s := start(t, "embedded", writeFixtures(t, "echo"), "SANDBOX_POOL="+pool)
			if pool != "0" {
				s.eventually("sandboxes are ready", 30*time.Second, func() error { return s.holders(2) })
			}
			url := s.address(alice, "echo") + "/"
			if got := s.do(alice, "GET", url, nil); got.Status != http.StatusOK {
				t.Fatalf("%d %.200s", got.Status, got.Body)
			}
			in := s.live(alice, "echo")
			address, holder := s.addressOf(in.ID, "web"), s.joins(in.ID, "web")
			if (holder != "") != (pool != "0") {
				t.Fatalf("its network is that of %q", holder)
			}
			s.call(alice, "DELETE", "/instances/"+in.ID, "", nil)
			s.eventually("it is gone", 30*time.Second, func() error {
				out, err := exec.Command("docker", "ps", "-aq", "--no-trunc").Output()
				if left := containers(t, in.ID); len(left) > 0 || holder != "" && strings.Contains(string(out), holder) {
					return fmt.Errorf("%v or its network's holder is there", left)
				}
				return err
			})
			s.eventually("its address refuses", 40*time.Second, func() error {
				var err error
				for range 10 { // one of them may be told by chance: the kernel gives up now and then
					err = errors.Join(err, refuses(address+":8080"))
				}
				return err
			})
			if got := s.do(alice, "GET", url, nil); got.Status != http.StatusOK {
				t.Errorf("opened again: %d %.200s", got.Status, got.Body)
			}
		})
	}
}

// refuses wants an address to say at once that nobody is there.
func refuses(address string) error {
	conn, err := net.DialTimeout("tcp", address, time.Second)
	if err == nil {
		conn.Close()
		return errors.New("somebody is there")
	}
	for _, told := range []error{syscall.ECONNREFUSED, syscall.EHOSTUNREACH, syscall.ENETUNREACH} {
		if errors.Is(err, told) {
			return nil
		}
	}
	return err
}
