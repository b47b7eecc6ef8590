import type { FileEntry, FileProblem } from "@/api/admin";

/** A file or a folder with what is in it. */
export type Node = { name: string; path: string; folder: boolean; size: number; children: Node[] };

/** The files of a challenge as a tree: folders first, then by name. */
export function treeOf(entries: FileEntry[]): Node[] {
  const root: Node = { name: "", path: "", folder: true, size: 0, children: [] };
  const folders = new Map<string, Node>([["", root]]);

  function folder(path: string): Node {
    const known = folders.get(path);
    if (known) return known;
    const made: Node = { name: path.slice(path.lastIndexOf("/") + 1), path, folder: true, size: 0, children: [] };
    folders.set(path, made);
    folder(parentOf(path)).children.push(made);
    return made;
  }

  for (const { path, kind, size } of entries) {
    if (kind === "folder") folder(path);
    else
      folder(parentOf(path)).children.push({
        name: path.slice(path.lastIndexOf("/") + 1),
        path,
        folder: false,
        size,
        children: [],
      });
  }
  return order(root.children);
}

/** The file that a problem is in, in the challenge's folder: problems name the folder too. */
export function pathOf({ folder }: { folder: string }, { file }: FileProblem): string {
  return file.startsWith(`${folder}/`) ? file.slice(folder.length + 1) : file;
}

/** The folder that something is in; "" is the challenge's own. */
export function parentOf(path: string): string {
  return path.includes("/") ? path.slice(0, path.lastIndexOf("/")) : "";
}

function order(nodes: Node[]): Node[] {
  nodes.sort((a, b) => Number(b.folder) - Number(a.folder) || a.name.localeCompare(b.name));
  for (const node of nodes) order(node.children);
  return nodes;
}
