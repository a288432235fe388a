/** A node's name as the name of a file or a folder. */
export function fileNameOf(node: string): string {
  return node.replace(/[^\w.@-]/g, '_');
}
