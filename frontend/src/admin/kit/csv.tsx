import { Download } from "lucide-react";
import { Button } from "@/components/ui/button";
import { text } from "../text";
import type { Filters } from "./filters";

/** A list as the server has it, all of it, as a table to download. */
export function CsvLink({ list, filters = {} }: { list: string; filters?: Filters }) {
  const query = new URLSearchParams(Object.entries(filters).filter((one): one is [string, string] => !!one[1]));
  return (
    <Button asChild>
      <a href={`/admin/api/export/${list}.csv?${query}`} download>
        <Download aria-hidden className="size-4" /> {text.dashboard.csv}
      </a>
    </Button>
  );
}

/** A table's columns and rows as comma-separated lines; a text that a spreadsheet would compute gets a ' before it. */
export function csvOf(columns: string[], rows: (string | number | boolean)[][]): string {
  const field = (value: string | number | boolean) => {
    const plain = typeof value === "string" && /^[=+\-@\t\r]/.test(value) ? `'${value}` : String(value);
    return /[",\r\n]/.test(plain) ? `"${plain.replaceAll('"', '""')}"` : plain;
  };
  return [columns, ...rows].map((row) => `${row.map(field).join(",")}\n`).join("");
}

type RowsProps = { name: string; columns: string[]; rows: () => (string | number | boolean)[][] };

/** What the page shows as a table to download, where the server has no such list. */
export function CsvRows({ name, columns, rows }: RowsProps) {
  function save() {
    const link = document.createElement("a");
    link.href = URL.createObjectURL(new Blob([csvOf(columns, rows())], { type: "text/csv" }));
    link.download = `whaley-${name}.csv`;
    link.click();
    setTimeout(() => URL.revokeObjectURL(link.href), 10_000);
  }
  return (
    <Button onClick={save}>
      <Download aria-hidden className="size-4" /> {text.dashboard.csv}
    </Button>
  );
}
