package docker

import "testing"

func TestWhatAVariableMayMakeAnAddressIsBuiltByBuildKit(t *testing.T) {
	for text, want := range map[string]bool{
		"FROM x\nADD $X /x\n":                      true,
		"FROM x\n add $name.c /x\n":                true,
		"FROM x\nADD \\\n  $X /x\n":                true,
		"FROM x\nADD \\ \n# remark $\n\n $X /x\n":  true,
		"FROM x\nA\\\nDD $X /x\n":                  true,
		"# escape=`\nFROM x\nADD `\n $X /x\n":      true,
		"FROM x\r\nADD \\\r\n $X /x\r\n":           true,
		"FROM x\nONBUILD ADD $X /x\n":              true,
		"FROM x\nADD a.txt /x\nRUN echo $HOME\n":   false,
		"FROM x\nCOPY $X /x\nRUN echo ADD\n":       false,
		"FROM x\n# ADD $X /x\nRUN true\n":          false,
		"FROM x\nRUN echo $A ADD\nADD a.tar /x/\n": false,
	} {
		if got := addsByVariable([]byte(text)); got != want {
			t.Errorf("%q: %v", text, got)
		}
	}
}
