package turn

// lastNamed names the methods that only earlier lines call. Yaegi works out the type of a method when it compiles a
// line behind the method that names it, in the order of files and lines; else at the first call, where two first calls
// race. So this is the file that it compiles last.
func lastNamed(t *Turns) []any {
	return []any{
		t.begin, t.finish, t.leave, t.next, t.refuse,
	}
}

var _ = lastNamed
