/** SR, EST, ACT and the like, as scripts. Requirements, §1. */

/**
 * The script a fixture stands for: `parts` are what `EST+TS+WS7` has between its
 * plus signs, `rttMs` passes between SYN-ACK and third ACK. Throws on an unknown part.
 */
export function fixtureScript(parts: readonly string[], rttMs: number): string {
  const [name, ...features] = parts;
  const options = ["mss 1460"];
  let shift = 0;
  const hasEcn = features.includes("ECN");
  for (const feature of features) {
    if (feature === "ECN") continue;
    if (feature === "SACK") options.push("sackOK");
    else if (feature === "TS") options.push("TS val * ecr 0");
    else if (feature.startsWith("WS")) options.push(`nop,wscale ${shift = +feature.slice(2)}`);
    else throw new Error(`There is no fixture ${parts.join("+")}`);
  }
  const timestamps = features.includes("TS") ? "<ts>" : "";
  const synAck = `
    +0 < ${hasEcn ? "SEW" : "S"} 0:0(0) win 65535 <${options.join(",")}>
    +0 > ${hasEcn ? "SE." : "S."} 0:0(0) ack 1 <...>
  `;
  if (name === "SR") return synAck;
  if (name === "ACT") return `connect\n+0 > ${hasEcn ? "SEW" : "S"} 0:0(0) <...>`;
  return `${synAck}
    +${rttMs / 1000} < . 1:1(0) ack 1 win ${65535 >> shift} ${timestamps}
    +0 accept
  `;
}
