// Command mkdb makes an SQLite database out of a file of SQL, or prints what a query finds: mkdb <database> <file or
// query>.
package main

import (
	"database/sql"
	"fmt"
	"os"

	_ "modernc.org/sqlite"
)

func main() {
	if err := run(os.Args[1], os.Args[2]); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func run(database, what string) error {
	db, err := sql.Open("sqlite", database)
	if err != nil {
		return err
	}
	defer db.Close()
	if text, err := os.ReadFile(what); err == nil {
		_, err = db.Exec(string(text))
		return err
	}
	var found string
	if err := db.QueryRow(what).Scan(&found); err != nil {
		return err
	}
	fmt.Println(found)
	return nil
}
