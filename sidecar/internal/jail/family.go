package jail

// Family is a kind of jail: the paths of its programs in an image, which the stand-in is put over, and its roots, which
// need the devices of every container.
type Family struct {
	Over, Roots []string
}

// Entry is where the stand-in lies in images of cybersecnatlab's, whose own program nobody has to know.
const Entry = "/whaley/challenge-jail"

// The families. Nsjail is one that is found by its name, wherever a shell would find it.
var (
	Redpwn = Family{Over: []string{"/jail/run"}, Roots: []string{redpwnRoot}}
	KCTF   = Family{
		Over:  []string{"/usr/bin/nsjail", "/usr/bin/kctf_setup", "/usr/bin/kctf_drop_privs", "/usr/bin/kctf_pow"},
		Roots: []string{"/chroot"},
	}
	Nsjail = Family{Over: []string{
		"/usr/local/sbin/nsjail", "/usr/local/bin/nsjail", "/usr/sbin/nsjail", "/usr/bin/nsjail", "/sbin/nsjail",
		"/bin/nsjail",
	}}
	DownUnder = Family{Over: []string{
		"/usr/bin/nsjail", "/docker-init/docker-entrypoint.sh", "/docker-init/nsjail-launcher.sh",
	}}
	Cyber = Family{Over: []string{Entry}}
)
