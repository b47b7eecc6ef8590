package flow

// lastNamed names the methods that only earlier lines call. Yaegi works out the type of a method when it compiles a
// line behind the method that names it, in the order of files and lines; else at the first call, where two first calls
// race. So this is the file that it compiles last.
func lastNamed(b *body) []any {
	return []any{
		b.answer, b.arm, b.connection, b.end, b.interrupt,
	}
}

var _ = lastNamed
