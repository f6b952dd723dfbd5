/** Markdown as `deno fmt` writes it, and the sections of README.md that programs write. */

/** A table; the first row is its head. `rightAligned` are the numbers of the columns with figures. Without line end. */
export function markdownTable(rows: readonly string[][], rightAligned: readonly number[]): string {
  const widths = rows[0].map((_, i) => Math.max(3, ...rows.map((row) => row[i].length)));
  const line = (cells: readonly string[]) => `| ${cells.join(" | ")} |`;
  const padded = rows.map((row) =>
    line(
      row.map((cell, i) =>
        rightAligned.includes(i) ? cell.padStart(widths[i]) : cell.padEnd(widths[i])
      ),
    )
  );
  const rule = line(
    widths.map((width, i) =>
      rightAligned.includes(i) ? `${"-".repeat(width - 1)}:` : "-".repeat(width)
    ),
  );
  return [padded[0], rule, ...padded.slice(1)].join("\n");
}

/** `readme` with `text` between the two marks of the section. Throws when they are not there. */
export function withSection(readme: string, name: string, text: string): string {
  const [begin, end] = [`<!-- ${name} -->`, `<!-- /${name} -->`];
  const from = readme.indexOf(begin);
  const to = readme.indexOf(end);
  if (from < 0 || to < from) throw new Error(`Cannot find ${begin} … ${end} in the README`);
  return `${readme.slice(0, from + begin.length)}\n\n${text}\n\n${readme.slice(to)}`;
}
