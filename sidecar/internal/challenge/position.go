package challenge

func idLine(string) int { return 0 }
