import { ChevronRight, File, Folder } from "lucide-react";
import { useState } from "react";
import { cn } from "@/lib/cn";
import { text } from "../text";
import type { Node } from "./tree";

type Props = {
  nodes: Node[];
  selected: string;
  /** Paths with an edit that is not saved. */
  edited: ReadonlySet<string>;
  /** Paths with something wrong in them. */
  faulty: ReadonlySet<string>;
  onSelect: (node: Node) => void;
};

/** The files of a challenge; folders open and close. */
export function FileTree({ nodes, ...rest }: Props) {
  return (
    <ul className="flex flex-col">
      {nodes.map((node) => (
        <Branch key={node.path} node={node} {...rest} />
      ))}
    </ul>
  );
}

function Branch({ node, ...rest }: Omit<Props, "nodes"> & { node: Node }) {
  const { selected, edited, faulty, onSelect } = rest;
  const [open, setOpen] = useState(true);
  const isSelected = selected === node.path;
  const Icon = node.folder ? Folder : File;
  return (
    <li>
      <button
        type="button"
        aria-expanded={node.folder ? open : undefined}
        aria-current={isSelected ? "true" : undefined}
        onClick={() => {
          if (node.folder && (isSelected || !open)) setOpen(!open);
          onSelect(node);
        }}
        className={cn(
          "flex min-h-9 w-full cursor-pointer items-center gap-1.5 rounded-md px-2 text-left text-sm hover:bg-raised",
          isSelected && "bg-accent-ground text-accent",
        )}
      >
        <ChevronRight
          aria-hidden
          className={cn("size-3.5 shrink-0 transition-transform", open && "rotate-90", !node.folder && "invisible")}
        />
        <Icon aria-hidden className="size-4 shrink-0 text-ink-soft" />
        <span className="min-w-0 flex-1 break-all font-mono text-[0.8125rem]">{node.name}</span>
        {edited.has(node.path) && <span className="text-accent text-xs">{text.challenges.unsaved}</span>}
        {faulty.has(node.path) && <span className="text-bad text-xs">{text.challenges.faulty}</span>}
      </button>
      {node.folder && open && node.children.length > 0 && (
        <div className="ml-4 border-line border-l pl-1">
          <FileTree nodes={node.children} {...rest} />
        </div>
      )}
    </li>
  );
}
