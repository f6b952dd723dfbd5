/**
 * The log's lines, as text and as JSON.
 *
 * A message is a sentence, or a record: one word for what happened, behind it
 * fields like `up=17 reason="half-closed"`, and perhaps some text. The text form
 * leaves it as it is; in JSON the fields become members.
 */

/** What is formatted; a `LogRecord` of `@std/log` is one. */
export interface LogMessage {
  readonly msg: string;
  readonly levelName: string;
  readonly datetime: Date;
}

const RECORD = /^([\w-]+)((?: [a-z]\w*=(?:"[^"]*"|[^\s"]+))+)(?: (.*))?$/s;
const FIELD = /([a-z]\w*)=(?:"([^"]*)"|(\S+))/g;

/** `2026-01-31T12:00:00.000Z INFO  close id=1 up=17`. */
export function formatText({ msg, levelName, datetime }: LogMessage): string {
  return `${datetime.toISOString()} ${levelName.padEnd(5)} ${msg}`;
}

/**
 * One JSON object in one line: `time`, `level`, `msg`, and the fields of a
 * record, unquoted numbers as numbers; what stands behind them is `text`.
 */
export function formatJson({ msg, levelName, datetime }: LogMessage): string {
  const head = { time: datetime.toISOString(), level: levelName.toLowerCase() };
  const record = RECORD.exec(msg);
  if (record === null) return JSON.stringify({ ...head, msg });
  const [, event, fields, text] = record;
  return JSON.stringify({ ...head, msg: event, ...fieldsOf(fields), text });
}

function fieldsOf(text: string): Record<string, string | number> {
  const fields: Record<string, string | number> = {};
  for (const [, name, quoted, bare] of text.matchAll(FIELD)) {
    fields[name] = /^-?[0-9]+(?:\.[0-9]+)?$/.test(bare ?? "") ? Number(bare) : bare ?? quoted;
  }
  return fields;
}
